"""What a like gives to a score: by addition where the score is a sum over likes, else by leaving it
out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.histories import Histories
from recsys.models.equal_lengths import rows_of, users_of_equal_length
from recsys.models.ncf.factors import Factors
from recsys.models.ncf.histories import UserSums

__all__ = ["LeavingOut", "Part", "shares_of_likes"]


class Part(Protocol):
    """A part of the score, made of the sum of the vectors (M, d) of a user's likes."""

    @property
    def liked(self) -> np.ndarray: ...

    def pairs(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class LeavingOut:
    """The questions of B users: their likes, L in all, what each weighs (L,), and for each user n
    movies by position, −1 for none.
    """

    parts: Sequence[Part]
    likes: Histories
    weights: np.ndarray
    targets: np.ndarray

    def falls(self) -> np.ndarray:
        """Return (L, n) float32: how much of a movie's score goes with each like."""
        falls = np.zeros((len(self.weights), self.targets.shape[1]), dtype=np.float32)
        with threadpool_limits(1, "blas"):
            for user in np.flatnonzero(self.likes.lengths):
                rows = slice(self.likes.starts[user], self.likes.starts[user + 1])
                for part in self.parts:
                    sums = UserSums.of(self.weights[rows], part.liked[self.likes.movies[rows]])
                    whole = part.pairs(sums.whole, self.targets[user])
                    falls[rows] += whole - part.pairs(sums.without, self.targets[user])
        falls[np.repeat(self.targets < 0, self.likes.lengths, axis=0)] = 0
        return falls


def shares_of_likes(
    likes: Histories, weights: np.ndarray, factors: Factors, targets: np.ndarray
) -> np.ndarray:
    """Return (L, n) float32: what each of L likes, which weigh (L,), adds to the scores of its
    user's movies (B, n), the biases left out.
    """
    shares = np.zeros((len(weights), targets.shape[1]), dtype=np.float32)
    movies = factors.movies[:, :-1]
    with threadpool_limits(1, "blas"):
        for users in users_of_equal_length(likes, movies.shape[1]):
            rows = rows_of(likes, users)
            of_targets = movies[targets[users]].transpose(0, 2, 1)
            shares[rows] = np.matmul(factors.liked[likes.movies[rows]], of_targets)
    shares *= weights[:, None]
    shares[np.repeat(targets < 0, likes.lengths, axis=0)] = 0
    return shares
