"""Movies as a run may know them: titles and content, aligned with `Interactions.movie_ids`."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Links:
    """For each of M movies a variable number of ids, flattened: movie m has `values[indptr[m]:indptr[m + 1]]`.

    `indptr` (M + 1,) int64; `values` int32 index into `names` (genres) or `ids` (person ids, int64).
    """

    indptr: np.ndarray
    values: np.ndarray
    vocabulary: np.ndarray


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
