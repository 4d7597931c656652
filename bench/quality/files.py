"""The publishers' files as the recipes take them, without a database: ratings as arrays, movies
with IMDb's content.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from recsys.drops.members import Member, find_members
from recsys.errors import DropError
from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions
from recsys.ingest.delimited import Delimited, read_delimited
from recsys.ingest.imdb import Imdb
from recsys.ingest.layouts import LAYOUTS
from recsys.ingest.source import Reject

_YEAR = re.compile(r"\((\d{4})[^()]*\)\s*$")
_NO_GENRES = ("", "(no genres listed)")
_UNKNOWN = "\\N"  # how IMDb writes what it does not know


@dataclass(frozen=True)
class Ratings:
    """R ratings as published: raw ids int64, stars float32, epoch seconds int64, in the file's
    order.
    """

    user: np.ndarray
    movie: np.ndarray
    rating: np.ndarray
    rated_at: np.ndarray

    def over(self, movie_ids: np.ndarray) -> Interactions:
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


@cache
def read_ratings(folder: Path) -> Ratings:
    """The ratings of a MovieLens release, whatever its layout. Raises DropError for a row that is
    none.
    """
    names = ("user_id", "movie_id", "rating", "rated_at")
    kinds = {
        "user_id": pa.int64(),
        "movie_id": pa.int64(),
        "rating": pa.float32(),
        "rated_at": pa.int64(),
    }
    batches = [
        [batch[name].cast(kinds[name]).to_numpy(zero_copy_only=False) for name in names]
        for batch in _batches(folder, "ratings")
    ]
    return Ratings(*(np.concatenate(column) for column in zip(*batches, strict=True)))


@cache
def read_movies(folder: Path) -> tuple[MovieRow, ...]:
    """The movies of a MovieLens release, by id."""
    linked = {
        int(row["movie_id"]): int(row["imdb_id"])
        for batch in _batches(folder, "links")
        for row in batch.to_pylist()
        if row["imdb_id"]
    }
    rows = [row for batch in _batches(folder, "movies") for row in batch.to_pylist()]
    return tuple(sorted(read_movie(row, linked.get(int(row["movie_id"]))) for row in rows))


def read_catalogue(folder: Path, imdb: Path | None, only: np.ndarray | None = None) -> Catalogue:
    """The movies of a release, or those of `only` (ids), with what IMDb's files in `imdb` say of
    them, matched as a drop is.
    """
    movies = list(read_movies(folder))
    if only is not None:
        ids = set(only.tolist())
        movies = [movie for movie in movies if movie.movie_id in ids]
    facts = read_facts(tuple(movies), imdb) if imdb else {}
    by_id = {int(row["movie_id"]): row for row in facts.get("imdb_titles", [])}
    titles = [by_id.get(movie.movie_id, {}) for movie in movies]
    pairs = list(zip(movies, titles, strict=True))
    movie_ids = np.array([movie.movie_id for movie in movies], dtype=np.int64)
    return Catalogue(
        movie_ids=movie_ids,
        titles=tuple(movie.title for movie in movies),
        years=_numbers([movie.year or title.get("start_year") for movie, title in pairs]),
        runtimes=_numbers([title.get("runtime_minutes") for title in titles]),
        genres=Links.of_names([all_genres(movie, title) for movie, title in pairs]),
        directors=Links.of_pairs(movie_ids, read_directors(movies, by_id, facts)),
        actors=Links.of_pairs(movie_ids, read_actors(movies, by_id, facts)),
    )


@cache
def fingerprint(paths: tuple[Path, ...]) -> str:
    """Hex digest of the files' names and bytes."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(
                f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode()
            )
    return digest.hexdigest()


def read_movie(row: Mapping[str, str], imdb_id: int | None) -> MovieRow:
    title = row["title"].strip()
    year = _YEAR.search(title)
    genres = () if row["genres"] in _NO_GENRES else tuple(row["genres"].split("|"))
    return MovieRow(int(row["movie_id"]), title, int(year[1]) if year else None, genres, imdb_id)


def _batches(folder: Path, table: str) -> Iterator[pa.RecordBatch]:
    """The rows of the release's file for one staging table, as text; none where the layout has no
    such file.
    """
    members = _members(folder)
    layout = next((layout for layout in LAYOUTS if layout.ratings in members), None)
    if layout is None:
        expected = ", ".join(layout.ratings for layout in LAYOUTS)
        raise DropError(
            f"{folder}: found {', '.join(sorted(members)) or 'nothing'}, expected one of {expected}"
        )
    for file in layout.present(members):
        if file.table == table:
            yield from read_rows(folder, members[file.name], file.spec)


def read_rows(folder: Path, member: Member, spec: Delimited) -> Iterator[pa.RecordBatch]:
    for part in read_delimited(member, spec):
        if isinstance(part, Reject):
            raise DropError(
                f"{folder}: {part.file} line {part.line:,}: {part.reason}: {part.content}"
            )
        yield part


def _members(folder: Path) -> Mapping[str, Member]:
    paths = [(path.name, str(path)) for path in sorted(folder.iterdir()) if path.is_file()]
    return find_members(LocalFileSystem(), paths, str(folder))


@cache
def read_facts(movies: tuple[MovieRow, ...], imdb: Path) -> dict[str, list[dict]]:
    """Staging table → its rows, of these movies alone."""
    rows: dict[str, list[dict]] = {}
    for part in Imdb().about(movies, _members(imdb)):
        if not isinstance(part, Reject):
            rows.setdefault(part.table, []).extend(part.batch.to_pylist())
    return rows


def all_genres(movie: MovieRow, imdb: Mapping[str, str] | None) -> list[str]:
    """MovieLens' genres, then those that only IMDb names, as a week's catalogue has them."""
    theirs = (
        imdb["genres"].split(",") if imdb and imdb["genres"] not in (_UNKNOWN, "N/A", "") else []
    )
    return [*movie.genres, *sorted(set(theirs) - set(movie.genres))]


def read_directors(
    movies: Sequence[MovieRow], of_movie: Mapping[int, dict], facts: Mapping[str, list[dict]]
) -> list[tuple[int, int]]:
    crew = {
        row["imdb_id"]: row["directors"].split(",")
        for row in facts.get("imdb_crew", [])
        if row["directors"] != _UNKNOWN
    }
    return [
        (movie.movie_id, int(nconst[2:]))
        for movie in movies
        for nconst in crew.get(_imdb_id(movie, of_movie), ())
    ]


def read_actors(
    movies: Sequence[MovieRow], of_movie: Mapping[int, dict], facts: Mapping[str, list[dict]]
) -> list[tuple[int, int]]:
    casts: dict[int, list[str]] = {}
    for row in sorted(
        facts.get("imdb_principals", []), key=lambda row: (int(row["ordering"]), row["line"])
    ):
        casts.setdefault(row["imdb_id"], []).append(row["nconst"])
    return [
        (movie.movie_id, int(nconst[2:]))
        for movie in movies
        for nconst in casts.get(_imdb_id(movie, of_movie), ())
    ]


def _imdb_id(movie: MovieRow, of_movie: Mapping[int, dict]) -> int:
    return of_movie.get(movie.movie_id, {}).get("imdb_id", -1)


def _numbers(values: Sequence[str | int | None]) -> np.ndarray:
    return np.array(
        [np.nan if value in (None, _UNKNOWN, "") else float(value) for value in values],
        dtype=np.float32,
    )
