"""The vectors of users, exactly, given those of movies: a weighted ridge regression for each."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from scipy.linalg import get_lapack_funcs
from threadpoolctl import threadpool_limits

from recsys.errors import ModelError
from recsys.features.histories import Histories
from recsys.models.equal_lengths import rows_of, users_of_equal_length

__all__ = ["Ridge", "SolvedUsers", "solve_users"]

Batch = TypeVar("Batch")

#: Bytes of factors: those of 1,024 users of 128 factors.
MOST_KEPT = 1 << 27


@dataclass(frozen=True)
class Ridge:
    """The movies' vectors (M, d) float32, and the regularization of a user's."""

    movies: np.ndarray
    regularization: float

    @property
    def width(self) -> int:
        """The length of a vector."""
        return self.movies.shape[1]

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
    """Return (B, d) float32 user vectors by likes of confidence (H,) > 0, where any other pair has
    1: (YᵀY + Yᵀ(C − I)Y + λI)⁻¹ YᵀC p (Hu, Koren & Volinsky 2008, equation 4); 0 without likes.

    Users with equally many likes are solved together, each by products of shapes that only the
    user's own likes decide: who else is in the batch, and the number of threads, change no bit.
    """
    equations = _Equations(likes, confidences, ridge)
    vectors = np.zeros((len(likes), ridge.width), dtype=np.float32)

    def solve(users: np.ndarray) -> None:
        vectors[users], _ = equations.solve(users)

    _for_batches(solve, users_of_equal_length(likes, ridge.width), threads)
    return vectors


class SolvedUsers:
    """Users' vectors, and what they were solved by: the factors of the equations are kept for as
    many users as they take MOST_KEPT bytes, 8d² a user, and made again for the others.
    """

    def __init__(
        self, likes: Histories, confidences: np.ndarray, ridge: Ridge, threads: int
    ) -> None:
        self.likes = likes
        self.threads = threads
        self.vectors = np.zeros((len(likes), ridge.width), dtype=np.float32)  # as solve_users
        self._equations = _Equations(likes, confidences, ridge)
        self._batches = list(users_of_equal_length(likes, ridge.width))
        n_kept = MOST_KEPT // (8 * ridge.width**2)
        is_kept = np.cumsum([len(users) for users in self._batches]) <= n_kept
        self._factors: dict[int, np.ndarray] = {}

        def solve(number: int) -> None:
            users = self._batches[number]
            self.vectors[users], factors = self._equations.solve(users)
            if is_kept[number]:
                self._factors[number] = factors

        _for_batches(solve, range(len(self._batches)), threads)

    def shares(self, targets: np.ndarray) -> np.ndarray:
        """Return (H, n) float32: what each like adds to its user's product with each of `targets`
        (B, n), positions of movies, −1 for none.

        A user's vector is W⁻¹ Σ cᵢ yᵢ over the likes, W = YᵀY + Yᵀ(C − I)Y + λI, so that its
        product with y is the sum of yᵀ W⁻¹ cᵢ yᵢ (Hu, Koren & Volinsky 2008, section 5). Company
        and threads change no bit, as in `solve_users`.
        """
        shares = np.zeros((len(self.likes.movies), targets.shape[1]), dtype=np.float32)

        def share(number: int) -> None:
            users = self._batches[number]
            factors = self._factors.get(number)
            if factors is None:
                _, factors = self._equations.solve(users)
            of_batch = self._equations.shares(users, factors, targets[users])
            shares[rows_of(self.likes, users)] = of_batch

        _for_batches(share, range(len(self._batches)), self.threads)
        return shares


def _for_batches(work: Callable[[Batch], None], batches: Iterable[Batch], threads: int) -> None:
    """Do some work of each batch, side by side."""
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, batches))


@dataclass(frozen=True)
class _Equations:
    """The normal equations of users."""

    likes: Histories
    confidences: np.ndarray
    ridge: Ridge

    def solve(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the solutions (b, d) of users who have equally many likes, and the factors
        (b, d, d) of their equations, all float64.
        """
        movies, confidences = self.liked(users)
        right = np.matmul(confidences[:, None, :], movies)[:, 0]
        factors = factorised(self.left(movies, confidences))
        return solved(factors, right), factors

    def shares(self, users: np.ndarray, factors: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return (b, k, n) float64 shares of k likes in the products with `targets` (b, n)."""
        movies, confidences = self.liked(users)
        movies *= confidences[:, :, None]
        right = self.ridge.exact[targets]
        right[targets < 0] = 0
        return np.matmul(movies, solved(factors, right).transpose(0, 2, 1))

    def liked(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors (b, k, d) of the users' k likes, a copy, and the confidences
        (b, k).
        """
        rows = rows_of(self.likes, users)
        return np.take(self.ridge.exact, self.likes.movies[rows], axis=0), self.confidences[rows]

    def left(self, movies: np.ndarray, confidences: np.ndarray) -> np.ndarray:
        """Return (b, d, d) by the likes' vectors (b, k, d), which change, and confidences (b, k).

        The square of one array takes half of a product of two, so that likes below 1, which few
        settings have, are subtracted apart: as exactly 0 for a user without any.
        """
        roots = np.sqrt(np.abs(confidences - 1))[:, :, None]
        is_less = (confidences < 1)[:, :, None]
        less = square(movies * roots * is_less) if is_less.any() else None
        movies *= np.where(is_less, 0, roots)
        left = square(movies)
        if less is not None:
            left -= less
        left += self.ridge.of_everyone
        return left


def square(rows: np.ndarray) -> np.ndarray:
    """Return (b, d, d): the transpose of (b, k, d) times itself."""
    return np.matmul(rows.transpose(0, 2, 1), rows)


def factorised(left: np.ndarray) -> np.ndarray:
    """Return the Cholesky factors of symmetric positive definite `left` (b, d, d), in its place.
    One by one takes LAPACK half of what scipy's batched solve does.
    """
    (potrf,) = get_lapack_funcs(("potrf",), (left,))
    for matrix in left:
        _, failed = potrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise ModelError("als: a user's equations are not positive definite; is λ above 0?")
    return left


def solved(factors: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solutions by factors (b, d, d), for `right` (b, d), or (b, n, d) for n at once, in
    its place.
    """
    (potrs,) = get_lapack_funcs(("potrs",), (factors,))
    for row, factor in enumerate(factors):
        solution, _ = potrs(factor.T, right[row].T, lower=1)
        right[row] = solution.T
    return right
