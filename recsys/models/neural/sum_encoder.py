"""What turns a user's likes into a vector: a network on their weighted sum, the same bits for a
user in whatever company.
"""

from abc import ABC, abstractmethod

import numpy as np

from recsys.features.histories import Histories
from recsys.models.top_n import EXACT_WIDTH, dot_scores

__all__ = ["SumEncoder", "products"]


class SumEncoder(ABC):
    """A network on the sum of the likes' vectors, divided by the root of their number.

    `liked` (M, h) float32: a liked movie's vector.
    """

    liked: np.ndarray

    @abstractmethod
    def encode(self, sums: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, k) float32 vectors of the sums (B, h), each of its own row alone."""

    def vectors(self, likes: Histories, threads: int) -> np.ndarray:
        """Return (B, k) float32 vectors of B users."""
        n_likes = np.maximum(likes.lengths, 1)[likes.users]
        # a sparse product goes row by row
        return self.encode(likes.csr(1 / np.sqrt(n_likes)) @ self.liked, threads)

    def vectors_without(self, likes: Histories, rows: np.ndarray, threads: int) -> np.ndarray:
        """Return (K, k) float32: what the vector of a like's user would be without the like, for K
        likes by row.
        """
        users = likes.users[rows]
        whose, of_whom = np.unique(users, return_inverse=True)
        sums = likes.rows(whose).seen() @ self.liked
        n_others = np.maximum(likes.lengths[users] - 1, 1).astype(np.float32)
        others = sums[of_whom] - self.liked[likes.movies[rows]]
        # of one like, nothing but rounding is left
        others[likes.lengths[users] == 1] = 0
        return self.encode(others / np.sqrt(n_others)[:, None], threads)


def products(inputs: np.ndarray, weights: np.ndarray, threads: int) -> np.ndarray:
    """Return (B, k) float32 of inputs (B, w) and weights (k, w), w of any size: exact in parts of
    EXACT_WIDTH, so that BLAS's order of adding does not show.
    """
    total = np.zeros((len(inputs), len(weights)), dtype=np.float32)
    for start in range(0, inputs.shape[1], EXACT_WIDTH):
        part = slice(start, start + EXACT_WIDTH)
        total += dot_scores(inputs[:, part], weights[:, part], threads)
    return total
