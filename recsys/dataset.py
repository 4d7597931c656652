"""The publishers' files as the recipes take them, without a database: ratings as arrays, movies
with IMDb's content.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from recsys.drops.members import Member, find_members
from recsys.errors import DropError
from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions
from recsys.ingest.delimited import Delimited, read_delimited
from recsys.ingest.imdb import Imdb
from recsys.ingest.layouts import LAYOUTS, Layout
from recsys.ingest.source import Reject

YEAR = re.compile(r"\((\d{4})[^()]*\)\s*$")
NO_GENRES = ("", "(no genres listed)")
RATING_SCHEMA = pa.schema(
    {
        "user_id": pa.int64(),
        "movie_id": pa.int64(),
        "rating": pa.float32(),
        "rated_at": pa.int64(),
    }
)
UNKNOWN = "\\N"  # how IMDb writes what it does not know


@dataclass(frozen=True)
class Ratings:
    """R ratings as published: raw ids int64, stars float32, epoch seconds int64, in the file's
    order.
    """

    user: np.ndarray
    movie: np.ndarray
    rating: np.ndarray
    rated_at: np.ndarray

    @classmethod
    def of_batches(cls, batches: Iterable[pa.RecordBatch]) -> "Ratings":
        """Return the ratings of staging rows, whose columns are text or already numbers."""
        names = RATING_SCHEMA.names
        table = pa.Table.from_batches(
            [batch.select(names).cast(RATING_SCHEMA) for batch in batches]
        )
        return cls(*(column.to_numpy() for column in table.columns))

    def over(self, movie_ids: np.ndarray) -> Interactions:
        """Return the ratings of these movies, ascending, as recipes take them."""
        return Interactions.of(
            self.user, self.movie, self.rating, self.rated_at, movie_ids=movie_ids
        )

    def where(self, mask: np.ndarray) -> "Ratings":
        return Ratings(self.user[mask], self.movie[mask], self.rating[mask], self.rated_at[mask])


class MovieRow(NamedTuple):
    """A movie as MovieLens writes it; `imdb_id` only where links.csv is there."""

    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    imdb_id: int | None


@dataclass(frozen=True)
class Content:
    """A movie, and the row of IMDb's title that it is matched with: empty where there is none."""

    movie: MovieRow
    title: Mapping[str, Any]

    @property
    def imdb_id(self) -> int:
        """IMDb's number, -1 where the movie is not matched."""
        return self.title.get("imdb_id", -1)

    @property
    def year(self) -> str | int | None:
        return self.movie.year or self.title.get("start_year")

    @property
    def runtime(self) -> str | None:
        return self.title.get("runtime_minutes")

    @property
    def genres(self) -> list[str]:
        """MovieLens' genres, then those that only IMDb names, as a week's catalogue has them."""
        listed = self.title.get("genres", "")
        imdb = [] if listed in (UNKNOWN, "N/A", "") else listed.split(",")
        return [*self.movie.genres, *sorted(set(imdb) - set(self.movie.genres))]


Tables = Mapping[str, list[dict[str, Any]]]


def read_ratings(folder: Path) -> Ratings:
    """Return the ratings of a MovieLens release, whatever its layout.

    Raises DropError for a row that is none.
    """
    return Ratings.of_batches(read_batches(folder, "ratings"))


def read_movies(folder: Path) -> tuple[MovieRow, ...]:
    """Return the movies of a MovieLens release, by id."""
    links = [row for row in read_rows(folder, "links") if row["imdb_id"]]
    imdb_ids = {int(row["movie_id"]): int(row["imdb_id"]) for row in links}
    movies = [read_movie(row, imdb_ids) for row in read_rows(folder, "movies")]
    return tuple(sorted(movies))


def read_movie(row: Mapping[str, str], imdb_ids: Mapping[int, int]) -> MovieRow:
    """Return a movie of its row, with IMDb's number where `imdb_ids` has one."""
    title = row["title"].strip()
    year = YEAR.search(title)
    genres = () if row["genres"] in NO_GENRES else tuple(row["genres"].split("|"))
    movie_id = int(row["movie_id"])
    return MovieRow(movie_id, title, int(year[1]) if year else None, genres, imdb_ids.get(movie_id))


def read_catalogue(folder: Path, imdb: Path | None, only: np.ndarray | None = None) -> Catalogue:
    """Return the movies of a release, or those of `only` (ids), with what IMDb's files in `imdb`
    say of them, matched as a drop is.
    """
    movies = movies_among(read_movies(folder), only)
    tables = read_tables(movies, imdb) if imdb else {}
    return catalogue_of(contents_of(movies, tables), tables)


def catalogue_of(contents: Sequence[Content], tables: Tables) -> Catalogue:
    """Return the catalogue of these movies; `tables`: IMDb's rows about them."""
    return Catalogue(
        movie_ids=ids_of(contents),
        titles=tuple(content.movie.title for content in contents),
        years=numbers([content.year for content in contents]),
        runtimes=numbers([content.runtime for content in contents]),
        genres=Links.of_names([content.genres for content in contents]),
        directors=persons_of(contents, directors_by_title(tables)),
        actors=persons_of(contents, actors_by_title(tables)),
    )


def ids_of(contents: Sequence[Content]) -> np.ndarray:
    """Return (M,) int64 movie ids."""
    return np.array([content.movie.movie_id for content in contents], dtype=np.int64)


def movies_among(movies: tuple[MovieRow, ...], only: np.ndarray | None) -> tuple[MovieRow, ...]:
    """Return the movies with one of these ids; None: all."""
    if only is None:
        return movies
    ids = set(only.tolist())
    return tuple(movie for movie in movies if movie.movie_id in ids)


def contents_of(movies: Sequence[MovieRow], tables: Tables) -> list[Content]:
    """Return each movie with the row of its title."""
    titles = {int(row["movie_id"]): row for row in tables.get("imdb_titles", [])}
    return [Content(movie, titles.get(movie.movie_id, {})) for movie in movies]


def persons_of(contents: Sequence[Content], by_title: Mapping[int, list[str]]) -> Links:
    """Return the persons of each movie that its title has, in their order."""
    pairs = []
    for content in contents:
        persons = by_title.get(content.imdb_id, [])
        pairs += [(content.movie.movie_id, int(nconst[2:])) for nconst in persons]
    return Links.of_pairs(ids_of(contents), pairs)


def directors_by_title(tables: Tables) -> dict[int, list[str]]:
    """Return IMDb's number → its directors, in IMDb's order."""
    crew = [row for row in tables.get("imdb_crew", []) if row["directors"] != UNKNOWN]
    return {row["imdb_id"]: row["directors"].split(",") for row in crew}


def actors_by_title(tables: Tables) -> dict[int, list[str]]:
    """Return IMDb's number → its actors, in the order of their billing."""
    casts: dict[int, list[str]] = {}
    for row in sorted(tables.get("imdb_principals", []), key=billing_of):
        casts.setdefault(row["imdb_id"], []).append(row["nconst"])
    return casts


def billing_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """Return what a title's cast is sorted by."""
    return int(row["ordering"]), row["line"]


def numbers(values: Sequence[str | int | None]) -> np.ndarray:
    """Return values as float32, NaN where there is none."""
    floats = [np.nan if value in (None, UNKNOWN, "") else float(value) for value in values]
    return np.array(floats, dtype=np.float32)


@cache
def fingerprint(paths: tuple[Path, ...]) -> str:
    """Return a hex digest of the files' names and bytes."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0{digest_of_file(path)}\0".encode())
    return digest.hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_rows(folder: Path, table: str) -> list[dict[str, str]]:
    """Return the rows of the release's file for one staging table, as text."""
    rows = []
    for batch in read_batches(folder, table):
        rows += batch.to_pylist()
    return rows


def read_batches(folder: Path, table: str) -> Iterator[pa.RecordBatch]:
    """Yield the batches of the release's file for one staging table; none where the layout has no
    such file.
    """
    members = members_of(folder)
    for file in layout_of(folder, members).present(members):
        if file.table == table:
            yield from sound_batches(folder, members[file.name], file.spec)


def layout_of(folder: Path, members: Mapping[str, Member]) -> Layout:
    """Return the layout that a release's files have. Raises DropError for none."""
    for layout in LAYOUTS:
        if layout.ratings in members:
            return layout
    names = ", ".join(sorted(members)) or "nothing"
    expected = ", ".join(layout.ratings for layout in LAYOUTS)
    raise DropError(f"{folder}: found {names}, expected one of {expected}")


def sound_batches(folder: Path, member: Member, spec: Delimited) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file. Raises DropError at its first bad row."""
    for part in read_delimited(member, spec):
        if isinstance(part, Reject):
            place = f"{folder}: {part.file} line {part.line:,}"
            raise DropError(f"{place}: {part.reason}: {part.content}")
        yield part


def members_of(folder: Path) -> Mapping[str, Member]:
    """Return the files of a folder, or of one archive, by name; those in archives too."""
    files = [folder] if folder.is_file() else sorted(folder.iterdir())
    paths = [(path.name, str(path)) for path in files if path.is_file()]
    return find_members(LocalFileSystem(), paths, str(folder))


@cache
def read_tables(movies: tuple[MovieRow, ...], imdb: Path) -> dict[str, list[dict[str, Any]]]:
    """Return staging table → its rows, of these movies alone."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for part in Imdb().about(movies, members_of(imdb)):
        if not isinstance(part, Reject):
            rows.setdefault(part.table, []).extend(part.batch.to_pylist())
    return rows
