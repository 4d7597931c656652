"""IMDb's published TSVs, read as a stream and cut down to the movies that we have."""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.drops.zone import Member
from recsys.ingest import tables
from recsys.ingest.delimited import Choice, Delimited, read_excerpts
from recsys.ingest.matching import (
    LinkedMovies,
    MovieToMatch,
    Namesakes,
    movies_by_key,
    movies_by_tconst,
)
from recsys.ingest.source import Reject, Rows, Source, require_files


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
_RATINGS = _tsv(tconst="tconst", averageRating="average_rating", numVotes="votes")
_CREW = _tsv(tconst="tconst", directors="directors")
_PRINCIPALS = _tsv(tconst="tconst", ordering="ordering", nconst="nconst", category="category")
_PERSONS = _tsv(nconst="nconst", primaryName="name", birthYear="birth_year", deathYear="death_year")
#: What of a title is stored, as it is published but for the ids.
_TITLE_ROWS = pa.schema(
    [("line", pa.int64()), ("movie_id", pa.int64()), ("imdb_id", pa.int64())]
    + [
        (name, pa.string())
        for name in ("title_type", "primary_title", "start_year", "runtime_minutes", "genres")
    ]
)


@dataclass(frozen=True)
class StoredMovie:
    """A movie of the facts, with the keys that it is matched by."""

    movie_id: int
    title: str
    year: int | None
    imdb_id: int | None


class Imdb(Source):
    """Casts, directors, runtimes, genres and IMDb's own scores. Matched by links' imdbId where
    given, else by title and year.
    """

    name = "imdb"
    tables = (
        tables.IMDB_TITLES,
        tables.IMDB_RATINGS,
        tables.IMDB_CREW,
        tables.IMDB_PRINCIPALS,
        tables.IMDB_PERSONS,
    )
    files = (BASICS, CREW, PRINCIPALS, PERSONS, RATINGS)

    def rows(self, members: Mapping[str, Member], conn: Connection) -> Iterator[Rows | Reject]:
        movies = fetch_rows(conn, StoredMovie, queries("ingest")["movies_to_match"])
        yield from self.about(movies, members)

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        yield from self.about((), members)

    def about(
        self, movies: Sequence[MovieToMatch], members: Mapping[str, Member]
    ) -> Iterator[Rows | Reject]:
        """All rows about these movies. Raises DropError for missing files or columns."""
        require_files(members, self.files)
        excerpt = _Excerpt(members)
        yield from excerpt.titles(movies)
        yield from excerpt.ratings()
        yield from excerpt.crew()
        yield from excerpt.principals()
        yield from excerpt.persons()


class _Excerpt:
    """The five files, one after the other: those about titles cut down to the titles of our movies,
    and the names to the persons who are in those.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members
        self._titles: set[str] = set()
        self._persons: set[str] = set()

    def titles(self, movies: Sequence[MovieToMatch]) -> Iterator[Rows | Reject]:
        """Titles of our movies. Those matched by name wait for the best of their namesakes."""
        linked = LinkedMovies(movies_by_tconst(movies))
        namesakes = Namesakes(movies_by_key(movies))
        choice = linked_or_of_years(linked.tconsts, namesakes.years)
        for part in read_excerpts(self._members[BASICS], _BASICS, choice):
            if isinstance(part, Reject):
                yield part
                continue
            yield self._title_rows(linked.rows(part.batch), part.read)
            namesakes.see(part.batch)
        yield self._title_rows(namesakes.rows(), 0)

    def _title_rows(self, titles: list[dict[str, Any]], read: int) -> Rows:
        self._titles.update(title["tconst"] for title in titles)
        rows = [{**title, "imdb_id": _number(title["tconst"])} for title in titles]
        return Rows("imdb_titles", BASICS, pa.RecordBatch.from_pylist(rows, _TITLE_ROWS), read)

    def ratings(self) -> Iterator[Rows | Reject]:
        """IMDb's own scores."""
        return self._of_titles("imdb_ratings", RATINGS, _RATINGS)

    def crew(self) -> Iterator[Rows | Reject]:
        """Directors."""
        for part in self._of_titles("imdb_crew", CREW, _CREW):
            if isinstance(part, Rows):
                for names in part.batch["directors"].to_pylist():
                    self._persons.update(names.split(","))
            yield part

    def principals(self) -> Iterator[Rows | Reject]:
        """Actors; directors come from title.crew."""
        acting = pa.array(["actor", "actress"])
        for part in self._of_titles("imdb_principals", PRINCIPALS, _PRINCIPALS):
            if isinstance(part, Reject):
                yield part
                continue
            rows = part.batch.filter(pc.is_in(part.batch["category"], value_set=acting))
            self._persons.update(rows["nconst"].to_pylist())
            yield replace(part, batch=rows.drop_columns(["category"]))

    def persons(self) -> Iterator[Rows | Reject]:
        """The names of directors and actors."""
        choice = _among("nconst", self._persons)
        return _rows("imdb_persons", self._members[PERSONS], _PERSONS, choice)

    def _of_titles(self, table: str, file: str, spec: Delimited) -> Iterator[Rows | Reject]:
        choice = _among("tconst", self._titles)
        for part in _rows(table, self._members[file], spec, choice):
            if isinstance(part, Reject):
                yield part
            else:
                yield replace(part, batch=with_imdb_id(part.batch))


def _rows(table: str, member: Member, spec: Delimited, choice: Choice) -> Iterator[Rows | Reject]:
    for part in read_excerpts(member, spec, choice):
        if isinstance(part, Reject):
            yield part
        else:
            yield Rows(table, member.name, part.batch, part.read)


def linked_or_of_years(tconsts: Iterable[str], years: Iterable[str]) -> Choice:
    """Titles that links name, and all of the years from which some are matched by name."""
    is_linked = _among("tconst", tconsts)
    is_of_years = _among("start_year", years)
    return lambda rows: pc.or_(is_linked(rows), is_of_years(rows))


def _among(column: str, values: Iterable[str]) -> Choice:
    chosen = pa.array([value.encode() for value in sorted(values)], pa.binary())
    return lambda rows: pc.is_in(rows[column], value_set=chosen)


def _number(identifier: str) -> int:
    """114709 of tt0114709."""
    return int(identifier[2:])


def with_imdb_id(batch: pa.RecordBatch) -> pa.RecordBatch:
    """With tconst as the number that it holds."""
    number = pc.utf8_slice_codeunits(batch["tconst"], 2).cast(pa.int64())
    return batch.drop_columns(["tconst"]).append_column("imdb_id", number)
