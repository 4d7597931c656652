"""IMDb's published TSVs, read as a stream and cut down to the movies that we have."""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.drops.names import list_names
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.delimited import Choice, Delimited, read_wanted
from recsys.ingest.source import Reject, Rows
from recsys.ingest.titles import movielens_keys, normalise_titles


def _tsv(**columns: str) -> Delimited:
    return Delimited(columns, "\t", quoted=False)


BASICS, CREW, PRINCIPALS = "title.basics.tsv", "title.crew.tsv", "title.principals.tsv"
PERSONS, RATINGS = "name.basics.tsv", "title.ratings.tsv"

_BASICS = _tsv(
    tconst="tconst",
    titleType="title_type",
    primaryTitle="primary_title",
    originalTitle="original_title",
    startYear="start_year",
    runtimeMinutes="runtime_minutes",
    genres="genres",
)
#: Of titles that share name and year, a cinema film is the likelier one.
_TYPE_ORDER = {"movie": 0, "tvMovie": 1, "video": 2, "short": 3, "tvMiniSeries": 4, "tvSeries": 5}


class MovieToMatch(Protocol):
    """What IMDb can be asked by: `imdb_id` and `year` are None where unknown."""

    @property
    def movie_id(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def year(self) -> int | None: ...
    @property
    def imdb_id(self) -> int | None: ...


class _Wanted(NamedTuple):
    """Movies that we have: `by_tconst` those that links name, `by_key` the others by title and
    year.
    """

    by_tconst: dict[str, list[int]]
    by_key: dict[str, list[int]]


class Imdb:
    """Casts, directors, runtimes, genres and IMDb's own scores. Matched by links' imdbId where
    given, else by title and year.
    """

    name = "imdb"
    tables: tuple[str, ...] = (
        "imdb_titles",
        "imdb_ratings",
        "imdb_crew",
        "imdb_principals",
        "imdb_persons",
    )
    files = (BASICS, CREW, PRINCIPALS, PERSONS, RATINGS)

    def population(self, members: Mapping[str, Member]) -> str | None:
        return None

    def rows(self, members: Mapping[str, Member], conn: Connection) -> Iterator[Rows | Reject]:
        yield from self.about(
            conn.execute(queries("ingest")["movies_to_match"]).fetchall(), members
        )

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        yield from self.about((), members)

    def about(
        self, movies: Sequence[MovieToMatch], members: Mapping[str, Member]
    ) -> Iterator[Rows | Reject]:
        """All rows about these movies. Raises DropError for missing files or columns."""
        missing = [file for file in self.files if file not in members]
        if missing:
            raise DropError(
                f"no {', '.join(missing)}; found {list_names(members)}, expected "
                f"{', '.join(self.files)}"
            )
        titles: set[str] = set()
        persons: set[str] = set()
        yield from _titles(members[BASICS], _wanted(movies), titles)
        ours = _among("tconst", titles)
        yield from _about(
            members[RATINGS],
            "imdb_ratings",
            _tsv(tconst="tconst", averageRating="average_rating", numVotes="votes"),
            ours,
        )
        for part in _about(
            members[CREW], "imdb_crew", _tsv(tconst="tconst", directors="directors"), ours
        ):
            if isinstance(part, Rows):
                persons.update(
                    name
                    for names in part.batch["directors"].to_pylist()
                    for name in names.split(",")
                )
            yield part
        for part in _principals(members[PRINCIPALS], ours):
            if isinstance(part, Rows):
                persons.update(part.batch["nconst"].to_pylist())
            yield part
        named = _tsv(
            nconst="nconst", primaryName="name", birthYear="birth_year", deathYear="death_year"
        )
        yield from _about(members[PERSONS], "imdb_persons", named, _among("nconst", persons))


def _wanted(movies: Sequence[MovieToMatch]) -> _Wanted:
    by_tconst: dict[str, list[int]] = {}
    for movie in movies:
        if movie.imdb_id is not None:
            by_tconst.setdefault(f"tt{movie.imdb_id:07d}", []).append(movie.movie_id)
    by_key: dict[str, list[int]] = {}
    unlinked = [
        (m.movie_id, m.title, m.year) for m in movies if m.imdb_id is None and m.year is not None
    ]
    titles, years = [title for _, title, _ in unlinked], [year for _, _, year in unlinked]
    for (movie_id, _, _), keys in zip(unlinked, movielens_keys(titles, years), strict=True):
        for key in keys:
            by_key.setdefault(key, []).append(movie_id)
    return _Wanted(by_tconst, by_key)


def _titles(member: Member, wanted: _Wanted, titles: set[str]) -> Iterator[Rows | Reject]:
    """Titles of our movies, and into `titles` which they are. Those matched by name wait for the
    best of their namesakes.
    """
    tconsts = pa.array(sorted(wanted.by_tconst), pa.string())
    keys = pa.array(sorted(wanted.by_key), pa.string())
    best: dict[int, tuple[tuple[int, int, str], dict[str, str | int]]] = {}
    for part in read_wanted(member, _BASICS, _perhaps_ours(wanted)):
        if isinstance(part, Reject):
            yield part
            continue
        by_id = part.batch.filter(pc.is_in(part.batch["tconst"], value_set=tconsts))
        rows = [
            row | {"movie_id": movie}
            for row in by_id.to_pylist()
            for movie in wanted.by_tconst[row["tconst"]]
        ]
        titles.update(row["tconst"] for row in rows)
        yield _title_rows(member, rows, part.read)
        if len(keys):
            _remember_namesakes(part.batch, keys, wanted, best)
    named = [row | {"movie_id": movie} for movie, (_, row) in sorted(best.items())]
    titles.update(str(row["tconst"]) for row in named)
    yield _title_rows(member, named, 0)


def _perhaps_ours(wanted: _Wanted) -> Choice:
    """Titles that links name, and all of the years from which some are wanted by name."""
    linked = _among("tconst", wanted.by_tconst)
    of_those_years = _among("start_year", {key.rpartition("|")[2] for key in wanted.by_key})
    return lambda rows: pc.or_(linked(rows), of_those_years(rows))


def _among(column: str, values: Iterable[str]) -> Choice:
    known = pa.array([value.encode() for value in sorted(values)], pa.binary())
    return lambda rows: pc.is_in(rows[column], value_set=known)


def _remember_namesakes(
    part: pa.RecordBatch, keys: pa.Array, wanted: _Wanted, best: dict[int, tuple]
) -> None:
    for place, column in enumerate(("primary_title", "original_title")):
        found = pc.binary_join_element_wise(normalise_titles(part[column]), part["start_year"], "|")
        hits = pc.and_(
            pc.is_in(found, value_set=keys),
            pc.match_substring_regex(part["tconst"], r"^tt[0-9]{1,17}$"),
        )
        for key, row in zip(
            found.filter(hits).to_pylist(), part.filter(hits).to_pylist(), strict=True
        ):
            rank = (_TYPE_ORDER.get(row["title_type"], len(_TYPE_ORDER)), place, row["tconst"])
            for movie in wanted.by_key[key]:
                if movie not in best or rank < best[movie][0]:
                    best[movie] = (rank, row)


def _title_rows(member: Member, rows: list[dict], read: int) -> Rows:
    columns = {
        name: pa.array([row[name] for row in rows], pa.string())
        for name in _BASICS.columns.values()
        if name not in ("tconst", "original_title")
    }
    batch = {
        "line": pa.array([row["line"] for row in rows], pa.int64()),
        "movie_id": pa.array([row["movie_id"] for row in rows], pa.int64()),
        "imdb_id": pa.array([_number(row["tconst"]) for row in rows], pa.int64()),
        **columns,
    }
    return Rows("imdb_titles", member.name, pa.RecordBatch.from_pydict(batch), read)


def _number(identifier: str) -> int:
    """114709 of tt0114709."""
    return int(identifier[2:])


def _about(member: Member, table: str, spec: Delimited, ours: Choice) -> Iterator[Rows | Reject]:
    for part in read_wanted(member, spec, ours):
        yield (
            part
            if isinstance(part, Reject)
            else Rows(table, member.name, _with_number(part.batch), part.read)
        )


def _principals(member: Member, ours: Choice) -> Iterator[Rows | Reject]:
    """Actors of our titles; directors come from title.crew."""
    acting = pa.array(["actor", "actress"])
    spec = _tsv(tconst="tconst", ordering="ordering", nconst="nconst", category="category")
    for part in _about(member, "imdb_principals", spec, ours):
        if isinstance(part, Reject):
            yield part
            continue
        rows = part.batch.filter(pc.is_in(part.batch["category"], value_set=acting))
        yield replace(part, batch=rows.drop_columns(["category"]))


def _with_number(batch: pa.RecordBatch) -> pa.RecordBatch:
    """With tconst as the number that it holds."""
    if "tconst" not in batch.schema.names:
        return batch
    number = pc.utf8_slice_codeunits(batch["tconst"], 2).cast(pa.int64())
    return batch.drop_columns(["tconst"]).append_column("imdb_id", number)
