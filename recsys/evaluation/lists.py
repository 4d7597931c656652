"""Recommended lists with facts of their movies and users, for the metrics over lists."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import sparse

from recsys.features.interactions import index_of
from recsys.features.raters import Raters

#: A value, and how many lists it is a mean over; NaN over none.
Figure = tuple[float, int]


@dataclass(frozen=True)
class Lists:
    """Lists of U users over M movies.

    `positions` (U, k) int64, best first, are places among the movies, −1 where a list ends.
    `raters` (M,) int64 says how many of the `n_users` users with training ratings rated each movie.
    `own_raters` (U,) float64 is the mean of `raters` over what the user had rated, NaN for a user
    without any. `genres` (M, G) are the movies' genres as vectors of length 1, 0 for a movie
    without a genre; None where no catalogue was given.
    """

    positions: np.ndarray
    raters: np.ndarray
    n_users: int
    own_raters: np.ndarray
    genres: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        ids: np.ndarray,
        seen: sparse.csr_matrix,
        raters: Raters,
        genres: np.ndarray | None = None,
    ) -> Self:
        """Take lists (U, k) of movie ids, −1 where one ends, and the matrix (U, M) of what their
        users had `seen`.

        `genres` (M, G) has 1 where a movie is of a genre.
        """
        own_raters = mean_or_nan(seen @ raters.counts.astype(np.float64), np.diff(seen.indptr))
        units = None if genres is None else unit_vectors(genres)
        positions = index_of(raters.movie_ids, ids)
        return cls(positions, raters.counts, raters.n_users, own_raters, units)

    def of_users(self, rows: np.ndarray) -> Self:
        """Return the lists of some rows."""
        return replace(self, positions=self.positions[rows], own_raters=self.own_raters[rows])

    def cut_at(self, k: int) -> Self:
        """Return the first k places of each list."""
        return replace(self, positions=self.positions[:, :k])

    def exposure(self) -> np.ndarray:
        """Return (M,) int64: how many of the lists have each movie."""
        return np.bincount(self.positions[self.positions >= 0], minlength=len(self.raters))

    def means(self, of_movies: np.ndarray) -> np.ndarray:
        """Return (U,) means of `of_movies` (M,) over each list; NaN for an empty one."""
        is_listed = self.positions >= 0
        totals = np.where(is_listed, of_movies[self.positions], 0.0).sum(axis=1)
        return mean_or_nan(totals, is_listed.sum(axis=1))


def unit_vectors(rows: np.ndarray) -> np.ndarray:
    """Return `rows` (N, D), each at length 1; one of zeros stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def mean_or_nan(totals: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return totals / counts, NaN where there is nothing to count."""
    return np.divide(totals, counts, out=np.full(len(totals), np.nan), where=counts > 0)


def figure(values: np.ndarray) -> Figure:
    """Return the mean of `values` (U,) over those that are not NaN, and how many these are."""
    numbers = values[~np.isnan(values)]
    return (float(numbers.mean()), len(numbers)) if len(numbers) else (float("nan"), 0)
