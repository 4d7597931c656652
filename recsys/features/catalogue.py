"""The movies of a snapshot: titles and content, aligned with `Interactions.movie_ids`."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from recsys.features.interactions import index_of


@dataclass(frozen=True)
class Links:
    """For each of M movies a variable number of ids, flattened: movie m has
    `values[indptr[m]:indptr[m + 1]]`.

    `indptr` (M + 1,) int64; `values` int32 index into `names` (genres) or `ids` (person ids,
    int64).
    """

    indptr: np.ndarray
    values: np.ndarray
    vocabulary: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Return the movie (position) of each of `values`."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    def multi_hot(self) -> np.ndarray:
        """Return (M, V) float32: 1 where the movie has the value, 0 elsewhere."""
        hot = np.zeros((len(self.indptr) - 1, len(self.vocabulary)), dtype=np.float32)
        hot[self.rows, self.values] = 1
        return hot

    @property
    def content(self) -> tuple[bytes, ...]:
        """Return all that a digest must cover."""
        names = "\0".join(map(str, self.vocabulary))
        return self.indptr.tobytes(), self.values.tobytes(), names.encode()

    @classmethod
    def of_names(cls, names: Sequence[Sequence[str]]) -> "Links":
        """Build from each movie's names, in their order; the vocabulary is sorted."""
        vocabulary = sorted({name for movie in names for name in movie})
        position = {name: place for place, name in enumerate(vocabulary)}
        values = np.array([position[name] for movie in names for name in movie], dtype=np.int32)
        lengths = np.array([len(movie) for movie in names], dtype=np.int64)
        return cls(_indptr(lengths), values, np.array(vocabulary, dtype=str))

    @classmethod
    def of_pairs(
        cls, movie_ids: np.ndarray, pairs: np.ndarray | Sequence[tuple[int, int]]
    ) -> "Links":
        """Build from (movie id, id) pairs ordered by movie; those of movies that are not in
        `movie_ids` are left out.
        """
        movie, linked = (np.array(pairs, dtype=np.int64).reshape(-1, 2)).T
        position = index_of(movie_ids, movie)
        is_listed = position >= 0
        lengths = np.bincount(position[is_listed], minlength=len(movie_ids))
        ids, values = np.unique(linked[is_listed], return_inverse=True)
        return cls(_indptr(lengths), values.astype(np.int32), ids)


def _indptr(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


class Content(Protocol):
    """What is stated of a movie beside its people."""

    @property
    def title(self) -> str: ...
    @property
    def genres(self) -> Sequence[str]: ...
    @property
    def runtime(self) -> float | None: ...
    @property
    def year(self) -> int | None: ...


@dataclass(frozen=True)
class Description:
    """A movie that the catalogue need not hold. What is unknown is None (numbers) or empty."""

    title: str
    genres: tuple[str, ...] = ()
    directors: tuple[int, ...] = ()  # person ids
    actors: tuple[int, ...] = ()  # person ids, in billing order
    runtime: float | None = None  # minutes
    year: int | None = None


@dataclass(frozen=True)
class Catalogue:
    """M movies, ascending by id. What is unknown is NaN (numbers), an empty list (links), or ""
    (text).
    """

    movie_ids: np.ndarray  # (M,) int64
    titles: tuple[str, ...]  # as MovieLens writes them, year included
    years: np.ndarray  # (M,) float32
    runtimes: np.ndarray  # (M,) float32, minutes
    genres: Links  # vocabulary: genre names (str)
    directors: Links  # vocabulary: person ids
    actors: Links  # vocabulary: person ids, in billing order

    @classmethod
    def of(
        cls, movie_ids: np.ndarray, movies: Sequence[Content], directors: Links, actors: Links
    ) -> "Catalogue":
        """Take the movies in the order of their ids."""
        return cls(
            movie_ids=movie_ids,
            titles=tuple(movie.title for movie in movies),
            years=numbers(movie.year for movie in movies),
            runtimes=numbers(movie.runtime for movie in movies),
            genres=Links.of_names([movie.genres for movie in movies]),
            directors=directors,
            actors=actors,
        )

    @classmethod
    def of_descriptions(cls, movies: Sequence[Description]) -> "Catalogue":
        """Take them in their order. Ids are −M to −1: they are of no movie of a drop."""
        movie_ids = np.arange(-len(movies), 0, dtype=np.int64)
        directors = _people(movie_ids, [movie.directors for movie in movies])
        actors = _people(movie_ids, [movie.actors for movie in movies])
        return cls.of(movie_ids, movies, directors, actors)

    def __len__(self) -> int:
        return len(self.movie_ids)

    def fingerprint(self) -> str:
        """Return a hex digest of all content: equal catalogue, equal fingerprint."""
        digest = hashlib.sha256("\0".join(self.titles).encode())
        for array in (self.movie_ids, self.years, self.runtimes):
            digest.update(np.ascontiguousarray(array).data)
        for links in (self.genres, self.directors, self.actors):
            digest.update(b"".join(links.content))
        return digest.hexdigest()


def numbers(values: Iterable[float | None]) -> np.ndarray:
    """Return float32, NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float32)


def _people(movie_ids: np.ndarray, people: Sequence[Sequence[int]]) -> Links:
    pairs: list[tuple[int, int]] = []
    for movie_id, persons in zip(movie_ids.tolist(), people, strict=True):
        pairs += [(movie_id, person) for person in persons]
    return Links.of_pairs(movie_ids, pairs)
