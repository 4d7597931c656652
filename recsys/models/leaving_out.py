"""What a like is to a recommended movie: by how much its score falls where the user had not liked
the other one.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.histories import Histories
from recsys.models.equal_lengths import rows_of, users_of_equal_length

__all__ = ["HistoryEncoder", "LeavingOut"]

#: Likes that are left out for a movie, those nearest to it: a far one is no reason that people
#: would see.
NEAREST = 20

#: Users' vectors that are made at once.
VECTORS_AT_ONCE = 16_384


class HistoryEncoder(Protocol):
    """What turns likes into a vector that ends with a 1, which meets a movie's bias."""

    def vectors(self, likes: Histories, threads: int) -> np.ndarray:
        """Return (B, d + 1) of the users."""
        ...

    def vectors_without(self, likes: Histories, rows: np.ndarray, threads: int) -> np.ndarray:
        """Return (K, d + 1) of users without one of their likes, for K likes by row."""
        ...


@dataclass(frozen=True)
class LeavingOut:
    """The questions of B users: their likes, L in all, and for each n movies by position, −1 for
    none. `movie_vectors` (M, d + 1) are those that users' vectors meet.
    """

    encoder: HistoryEncoder
    movie_vectors: np.ndarray
    likes: Histories
    targets: np.ndarray
    threads: int

    def falls(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (L, n) float32: how much of a movie's score goes with each like, 0 but for the
        NEAREST likes; and the scores (B, n), 0 for a user without likes.
        """
        with threadpool_limits(1, "blas"):
            is_near = self.nearest()
        rows = np.flatnonzero(is_near.any(axis=1))
        without = np.zeros((len(is_near), self.movie_vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(rows), VECTORS_AT_ONCE):
            part = rows[start : start + VECTORS_AT_ONCE]
            without[part] = self.encoder.vectors_without(self.likes, part, self.threads)
        users = self.encoder.vectors(self.likes, self.threads)
        with threadpool_limits(1, "blas"):
            return self.compare(users, without, is_near)

    def nearest(self) -> np.ndarray:
        """Return (L, n) bool: the likes whose movies' vectors have the highest cosines with each
        movie's.
        """
        vectors = self.movie_vectors[:, :-1]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        directions = vectors / np.where(lengths > 0, lengths, 1)
        is_near = np.zeros((len(self.likes.movies), self.targets.shape[1]), dtype=bool)
        for users in users_of_equal_length(self.likes, directions.shape[1]):
            rows = rows_of(self.likes, users)
            targets = directions[self.targets[users]]
            cosines = np.matmul(directions[self.likes.movies[rows]], targets.transpose(0, 2, 1))
            is_near[rows] = cosines >= highest(cosines, NEAREST)
        is_near &= np.repeat(self.targets >= 0, self.likes.lengths, axis=0)
        return is_near

    def compare(
        self, users: np.ndarray, without: np.ndarray, is_near: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the falls and the scores, of users' vectors (B, d + 1) with all likes and (L,
        d + 1) without one.
        """
        falls = np.zeros(is_near.shape, dtype=np.float32)
        scores = np.zeros(self.targets.shape, dtype=np.float32)
        for batch in users_of_equal_length(self.likes, users.shape[1]):
            rows = rows_of(self.likes, batch)
            targets = self.movie_vectors[self.targets[batch]].transpose(0, 2, 1)
            with_all = np.matmul(users[batch][:, None], targets)
            falls[rows] = with_all - np.matmul(without[rows], targets)
            scores[batch] = with_all[:, 0]
        falls[~is_near] = 0
        scores[self.targets < 0] = 0
        return falls, scores


def highest(values: np.ndarray, k: int) -> np.ndarray:
    """Return (b, 1, n) the k-th highest along the second axis of (b, m, n), the lowest of fewer."""
    place = max(values.shape[1] - k, 0)
    return np.partition(values, place, axis=1)[:, place : place + 1]
