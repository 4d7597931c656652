"""Lists by the largest singular vectors of the likes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from recsys.features.histories import Histories

__all__ = ["SingularVectors"]


@dataclass(frozen=True)
class SingularVectors:
    """A user's vector is the sum of those that the liked movies have in `liked` (M, f) float32; its
    products with `movies` (M, f) float32 are the scores.
    """

    liked: np.ndarray
    movies: np.ndarray

    @classmethod
    def of(cls, likes: sparse.csr_matrix, n: int, power: float, seed: int) -> Self:
        """Take the n largest singular vectors of likes (U, M), each movie's likes divided by their
        number to the power: PureSVD for 0 (Cremonesi, Koren & Turrin 2010), EigenRec in general
        (Nikolakopoulos et al. 2019).
        """
        n_likes = np.maximum(likes.getnnz(axis=0), 1).astype(np.float64)
        scale = n_likes**-power
        vectors = right_vectors(likes.astype(np.float64) @ sparse.diags(scale), n, seed)
        liked, movies = vectors * scale[:, None], vectors / scale[:, None]
        return cls(liked.astype(np.float32), movies.astype(np.float32))

    def users(self, likes: Histories) -> np.ndarray:
        """Return (B, f) float32: the sums of what the likes say, row by row."""
        return likes.seen() @ self.liked


def right_vectors(matrix: sparse.csr_matrix, n: int, seed: int) -> np.ndarray:
    """Return (M, f ≤ n) the right singular vectors of (U, M) that belong to its largest values."""
    smaller = min(matrix.get_shape())
    if n >= smaller - 1:  # the iterative solver finds fewer than all
        return np.linalg.svd(matrix.toarray(), full_matrices=False)[2][:n].T
    start = np.random.default_rng(seed).standard_normal(smaller)
    return svds(matrix, n, v0=start)[2].T
