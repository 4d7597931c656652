"""Recommended lists with what is known about their movies and users: what metrics over lists look
at.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import sparse

from recsys.features.interactions import Interactions, index_of

#: A value, and how many lists it is a mean over; NaN over none.
Figure = tuple[float, int]


@dataclass(frozen=True)
class Lists:
    """Lists of U users over M movies.

    `positions` (U, k) int64, best first, are places among the movies, −1 where a list ends.
    `raters` (M,) int64 says how many of the `n_known` known users rated each movie. `own_raters`
    (U,) float64 is the mean of `raters` over what the user had rated, NaN for a user without any.
    `genres` (M, G) are the movies' genres as vectors of length 1, 0 where nobody knows one's; None
    where nobody said.
    """

    positions: np.ndarray
    raters: np.ndarray
    n_known: int
    own_raters: np.ndarray
    genres: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        ids: np.ndarray,
        seen: sparse.csr_matrix,
        known: Interactions,
        genres: np.ndarray | None = None,
    ) -> Self:
        """From lists (U, k) of movie ids, −1 where one ends, what their users had `seen` (U, M),
        and what was `known` by then.

        `genres` (M, G) has 1 where a movie is of a genre.
        """
        own_raters = mean_or_nan(seen @ known.n_raters.astype(np.float64), np.diff(seen.indptr))
        units = None if genres is None else unit_vectors(genres)
        return cls(
            index_of(known.movie_ids, ids), known.n_raters, len(known.user_ids), own_raters, units
        )

    def of_users(self, rows: np.ndarray) -> Self:
        """The lists of some rows."""
        return replace(self, positions=self.positions[rows], own_raters=self.own_raters[rows])

    def cut_at(self, k: int) -> Self:
        """The first k places of each list."""
        return replace(self, positions=self.positions[:, :k])

    def exposure(self) -> np.ndarray:
        """(M,) int64: in how many of the lists each movie stands."""
        return np.bincount(self.positions[self.positions >= 0], minlength=len(self.raters))

    def means(self, of_movies: np.ndarray) -> np.ndarray:
        """(U,) means of `of_movies` (M,) over each list; NaN for an empty one."""
        listed = self.positions >= 0
        return mean_or_nan(
            np.where(listed, of_movies[self.positions], 0.0).sum(axis=1), listed.sum(axis=1)
        )


def unit_vectors(rows: np.ndarray) -> np.ndarray:
    """`rows` (N, D), each at length 1; one of zeros stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def mean_or_nan(totals: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """totals / counts, NaN where there is nothing to count."""
    return np.divide(totals, counts, out=np.full(len(totals), np.nan), where=counts > 0)


def figure(values: np.ndarray) -> Figure:
    """Return the mean of `values` (U,) over those that are not NaN, and how many these are."""
    numbers = values[~np.isnan(values)]
    return (float(numbers.mean()), len(numbers)) if len(numbers) else (float("nan"), 0)
