"""Movies as a run may know them: titles and content, aligned with `Interactions.movie_ids`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.features.interactions import index_of


@dataclass(frozen=True)
class Links:
    """For each of M movies a variable number of ids, flattened: movie m has `values[indptr[m]:indptr[m + 1]]`.

    `indptr` (M + 1,) int64; `values` int32 index into `names` (genres) or `ids` (person ids, int64).
    """

    indptr: np.ndarray
    values: np.ndarray
    vocabulary: np.ndarray

    @classmethod
    def of_names(cls, names: Sequence[Sequence[str]]) -> "Links":
        """From each movie's names, in their order; the vocabulary is sorted."""
        vocabulary = sorted({name for movie in names for name in movie})
        position = {name: place for place, name in enumerate(vocabulary)}
        values = np.array([position[name] for movie in names for name in movie], dtype=np.int32)
        return cls(_indptr(np.array([len(movie) for movie in names], dtype=np.int64)), values, np.array(vocabulary, dtype=str))

    @classmethod
    def of_pairs(cls, movie_ids: np.ndarray, pairs: Sequence[tuple[int, int]]) -> "Links":
        """From (movie id, id) pairs ordered by movie; those of movies that are not in `movie_ids` are left out."""
        movie, linked = (np.array(pairs, dtype=np.int64).reshape(-1, 2)).T
        position = index_of(movie_ids, movie)
        position, linked = position[position >= 0], linked[position >= 0]
        ids, values = np.unique(linked, return_inverse=True)
        return cls(_indptr(np.bincount(position, minlength=len(movie_ids))), values.astype(np.int32), ids)


def _indptr(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@dataclass(frozen=True)
class Catalogue:
    """M movies, ascending by id. What is unknown is NaN (numbers), an empty list (links), or "" (text)."""

    movie_ids: np.ndarray  # (M,) int64
    titles: tuple[str, ...]  # as MovieLens writes them, year included
    years: np.ndarray  # (M,) float32
    runtimes: np.ndarray  # (M,) float32, minutes
    genres: Links  # vocabulary: genre names (str)
    directors: Links  # vocabulary: person ids
    actors: Links  # vocabulary: person ids, in billing order

    def __len__(self) -> int:
        return len(self.movie_ids)

    def fingerprint(self) -> str:
        """Hex digest of all content: equal catalogue, equal fingerprint."""
        digest = hashlib.sha256("\0".join(self.titles).encode())
        for array in (self.movie_ids, self.years, self.runtimes):
            digest.update(np.ascontiguousarray(array).data)
        for links in (self.genres, self.directors, self.actors):
            digest.update(np.ascontiguousarray(links.indptr).data)
            digest.update(np.ascontiguousarray(links.values).data)
            digest.update("\0".join(map(str, links.vocabulary)).encode())
        return digest.hexdigest()
