"""What a like gives to a score that is no sum over likes: each is left out in its turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.histories import Histories
from recsys.models.ncf.histories import UserSums

__all__ = ["LeavingEachOut", "Part"]


class Part(Protocol):
    """A part of the score, made of the sum of the vectors (M, d) of a user's likes."""

    @property
    def liked(self) -> np.ndarray: ...

    def pairs(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class LeavingEachOut:
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
