"""Vectors that ratings and a normal prior determine, row by row: Bayesian linear regressions."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.histories import Histories
from recsys.models.equal_lengths import rows_of, users_of_equal_length
from recsys.models.least_squares import factorised, solved, square

__all__ = ["Regressions"]


@dataclass(frozen=True)
class Regressions:
    """A regression for each of B rows: `ratings` of N others, whose inputs are `inputs` (N, k)
    float64; the prior's `precision` (k, k), and `trust`, the precision of a rating.
    """

    ratings: Histories
    inputs: np.ndarray
    precision: np.ndarray
    trust: float

    def solve(self, values: np.ndarray, means: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, k) float64: each row's posterior mean by values (H,) of its ratings and its
        prior's mean (B, k), which stands where a row has no ratings.

        Rows of equally many ratings are solved together, by products of shapes that a row's own
        ratings decide: company and threads change no bit.
        """
        vectors = means.copy()
        pulls = np.matmul(self.precision, means[:, :, None])[:, :, 0]

        def solve(rows: np.ndarray) -> None:
            vectors[rows] = self.solve_rows(rows, values, pulls[rows])

        batches = users_of_equal_length(self.ratings, self.inputs.shape[1])
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(solve, batches))
        return vectors

    def solve_rows(self, rows: np.ndarray, values: np.ndarray, pulls: np.ndarray) -> np.ndarray:
        """Return (b, k) of rows with equally many ratings, drawn to the prior by `pulls` (b, k)."""
        places = rows_of(self.ratings, rows)
        inputs = np.take(self.inputs, self.ratings.movies[places], axis=0)
        right = np.matmul(values[places][:, None, :], inputs)[:, 0]
        right *= self.trust
        right += pulls
        left = square(inputs)
        left *= self.trust
        left += self.precision
        return solved(factorised(left), right)
