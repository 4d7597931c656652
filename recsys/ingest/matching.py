"""Which of IMDb's titles are movies of ours: those that links name, and of the other movies the
likeliest title of their name and year.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from recsys.ingest.titles import movielens_keys, normalise_titles

#: Of titles that share name and year, a cinema film is the likelier one.
_TYPE_ORDER = {"movie": 0, "tvMovie": 1, "video": 2, "short": 3, "tvMiniSeries": 4, "tvSeries": 5}
#: The main title is likelier than the original one.
_NAMES = ("primary_title", "original_title")


class MovieToMatch(Protocol):
    """What a movie is looked up by: `imdb_id` and `year` are None where unknown."""

    @property
    def movie_id(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def year(self) -> int | None: ...
    @property
    def imdb_id(self) -> int | None: ...


def movies_by_tconst(movies: Iterable[MovieToMatch]) -> dict[str, list[int]]:
    """Return our movies that links name, by IMDb's id: one may be two movies of ours."""
    by_tconst: dict[str, list[int]] = {}
    for movie in movies:
        if movie.imdb_id is not None:
            by_tconst.setdefault(f"tt{movie.imdb_id:07d}", []).append(movie.movie_id)
    return by_tconst


def movies_by_key(movies: Iterable[MovieToMatch]) -> dict[str, list[int]]:
    """Return our movies that no link names, by title and year."""
    dated = [movie for movie in movies if movie.imdb_id is None and movie.year is not None]
    by_key: dict[str, list[int]] = {}
    keys = movielens_keys([movie.title for movie in dated], [movie.year for movie in dated])
    for movie, its_keys in zip(dated, keys, strict=True):
        for key in its_keys:
            by_key.setdefault(key, []).append(movie.movie_id)
    return by_key


class LinkedMovies:
    """Our movies that links name."""

    def __init__(self, by_tconst: dict[str, list[int]]) -> None:
        self.tconsts = sorted(by_tconst)
        self._by_tconst = by_tconst
        self._values = pa.array(self.tconsts, pa.string())

    def rows(self, titles: pa.RecordBatch) -> list[dict[str, Any]]:
        """Return the rows of title.basics that are about them, each with its `movie_id`."""
        is_linked = pc.is_in(titles["tconst"], value_set=self._values)
        rows: list[dict[str, Any]] = []
        for row in titles.filter(is_linked).to_pylist():
            rows += [row | {"movie_id": movie} for movie in self._by_tconst[row["tconst"]]]
        return rows


class _Candidate(NamedTuple):
    """A title for one of our movies, as its row in title.basics; the lowest rank is the best."""

    rank: tuple[int, int, str]
    row: dict[str, Any]


class Namesakes:
    """The best title so far for each of our movies that are matched by title and year."""

    def __init__(self, by_key: dict[str, list[int]]) -> None:
        self.years = {key.rpartition("|")[2] for key in by_key}
        self._by_key = by_key
        self._keys = pa.array(sorted(by_key), pa.string())
        self._best: dict[int, _Candidate] = {}

    def see(self, titles: pa.RecordBatch) -> None:
        """Take some rows of title.basics into account."""
        if not len(self._keys):
            return
        for place, name in enumerate(_NAMES):
            for key, row in self.matches(titles, name):
                kind = _TYPE_ORDER.get(row["title_type"], len(_TYPE_ORDER))
                self.remember(key, _Candidate((kind, place, row["tconst"]), row))

    def matches(self, titles: pa.RecordBatch, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows whose title, of this name, is one of ours, each with its key."""
        keys = pc.binary_join_element_wise(
            normalise_titles(titles[name]), titles["start_year"], "|"
        )
        is_ours = pc.and_(
            pc.is_in(keys, value_set=self._keys),
            pc.match_substring_regex(titles["tconst"], r"^tt[0-9]{1,17}$"),
        )
        rows = titles.filter(is_ours).to_pylist()
        return zip(keys.filter(is_ours).to_pylist(), rows, strict=True)

    def remember(self, key: str, candidate: _Candidate) -> None:
        for movie in self._by_key[key]:
            if movie not in self._best or candidate.rank < self._best[movie].rank:
                self._best[movie] = candidate

    def rows(self) -> list[dict[str, Any]]:
        """Return the best title of each movie, with its `movie_id`."""
        best = sorted(self._best.items())
        return [candidate.row | {"movie_id": movie} for movie, candidate in best]
