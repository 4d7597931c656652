"""The vectors of users, exactly, given those of movies: a weighted ridge regression for each."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import get_lapack_funcs
from threadpoolctl import threadpool_limits

from recsys.errors import ModelError
from recsys.features.histories import Histories

__all__ = ["Ridge", "solve_users"]

#: Numbers in the movies' vectors of the users that are solved at once: they stay in the cache.
NUMBERS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Ridge:
    """The movies' vectors (M, d) float32, and the regularization of a user's."""

    movies: np.ndarray
    regularization: float

    @cached_property
    def exact(self) -> np.ndarray:
        """Return the movies' vectors as float64."""
        return self.movies.astype(np.float64)

    @cached_property
    def of_everyone(self) -> np.ndarray:
        """Return (d, d), the part of the normal equations that all users share: YᵀY + λI."""
        with threadpool_limits(1, "blas"):
            square = self.exact.T @ self.exact
        return square + self.regularization * np.eye(len(square))


def solve_users(
    likes: Histories, confidences: np.ndarray, ridge: Ridge, threads: int
) -> np.ndarray:
    """Return (B, d) float32 user vectors by likes of confidence (H,) ≥ 1, where any other pair has
    1: (YᵀY + Yᵀ(C − I)Y + λI)⁻¹ YᵀC p (Hu, Koren & Volinsky 2008, equation 4); 0 without likes.

    Users with equally many likes are solved together, each by products of shapes that only the
    user's own likes decide: who else is in the batch, and the number of threads, change no bit.
    """
    equations = _Equations(likes, confidences, ridge)
    vectors = np.zeros((len(likes), ridge.movies.shape[1]), dtype=np.float32)

    def solve(users: np.ndarray) -> None:
        vectors[users] = equations.solve(users)

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, equations.batches()))
    return vectors


@dataclass(frozen=True)
class _Equations:
    """The normal equations of users."""

    likes: Histories
    confidences: np.ndarray
    ridge: Ridge

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the users (b,) with likes, in batches of the same number of likes."""
        lengths = self.likes.lengths
        by_length = np.argsort(lengths, kind="stable")
        ends = np.flatnonzero(np.diff(lengths[by_length], append=-1)) + 1
        for users in np.split(by_length, ends[:-1]):
            length = int(lengths[users[0]]) if len(users) else 0
            if length:
                yield from self.parts(users, length)

    def parts(self, users: np.ndarray, length: int) -> Iterator[np.ndarray]:
        """Yield the users in parts whose numbers fit the cache."""
        width = self.ridge.movies.shape[1]
        size = max(NUMBERS_AT_ONCE // (max(length, width) * width), 1)
        for start in range(0, len(users), size):
            yield users[start : start + size]

    def solve(self, users: np.ndarray) -> np.ndarray:
        """Return (b, d) float64 of users who have equally many likes."""
        length = int(self.likes.lengths[users[0]])
        rows = self.likes.starts[users][:, None] + np.arange(length)
        movies = np.take(self.ridge.exact, self.likes.movies[rows], axis=0)
        confidences = self.confidences[rows]
        right = np.matmul(confidences[:, None, :], movies)[:, 0]
        movies *= np.sqrt(confidences - 1)[:, :, None]
        left = np.matmul(movies.transpose(0, 2, 1), movies)
        left += self.ridge.of_everyone
        return cholesky_solve(left, right)


def cholesky_solve(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (b, d) solutions for symmetric positive definite `left` (b, d, d) and `right` (b, d),
    which both change. One by one takes LAPACK half of what scipy's batched solve does.
    """
    (posv,) = get_lapack_funcs(("posv",), (left,))
    for row, matrix in enumerate(left):
        _, right[row], failed = posv(matrix.T, right[row], lower=1, overwrite_a=1)
        if failed:
            raise ModelError("als: a user's equations are not positive definite; is λ above 0?")
    return right
