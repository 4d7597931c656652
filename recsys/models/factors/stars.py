"""Stars of users who are known by their ratings alone: the mean over draws of the movies'
vectors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.features.histories import Histories
from recsys.models.factors.equations import Regressions
from recsys.models.factors.priors import Prior, choices
from recsys.models.factors.sampler import Draw, inputs_of

__all__ = ["Stars"]

#: Pairs rated at once.
PAIRS = 65_536


@dataclass(frozen=True)
class Stars:
    """S draws, as arrays: see `Draw`. `mean` () is that of the ratings."""

    mean: np.ndarray
    movies: np.ndarray  # (S, M, k) float32
    prior_means: np.ndarray  # (S, k) float64
    prior_precisions: np.ndarray  # (S, k, k) float64
    trusts: np.ndarray  # (S,) float64
    chosen: np.ndarray  # (S, M, k) float32, or (S, 0, k) where choices say nothing

    @classmethod
    def of(cls, mean: float, draws: Iterable[Draw]) -> Self:
        """Keep the draws."""
        draws = list(draws)
        return cls(
            np.array(mean),
            np.stack([draw.movies.astype(np.float32) for draw in draws]),
            np.stack([draw.prior.mean for draw in draws]),
            np.stack([draw.prior.precision for draw in draws]),
            np.array([draw.trust for draw in draws]),
            np.stack([draw.chosen.astype(np.float32) for draw in draws]),
        )

    def draws(self) -> Iterable[Draw]:
        """Yield the draws again."""
        for number, trust in enumerate(self.trusts):
            prior = Prior(self.prior_means[number], self.prior_precisions[number])
            movies = self.movies[number].astype(np.float64)
            yield Draw(movies, prior, float(trust), self.chosen[number])

    def predict(
        self, histories: Histories, rows: np.ndarray, columns: np.ndarray, threads: int
    ) -> np.ndarray:
        """Return (K,) float64 stars of K pairs: users by their places `rows` among B histories,
        movies by position `columns`, −1 for one that is not known.
        """
        total = np.zeros(len(rows))
        for draw in self.draws():
            users = self.fold_in(histories, draw, threads)
            movies = np.vstack([draw.movies, draw.movies.mean(axis=0)])  # the last for −1
            for start in range(0, len(rows), PAIRS):
                pairs = slice(start, start + PAIRS)
                of_movies = movies[columns[pairs]]
                products = np.einsum("pk,pk->p", users[rows[pairs]], inputs_of(of_movies))
                total[pairs] += products + of_movies[:, -1]
        return self.mean + total / len(self.trusts)

    def fold_in(self, histories: Histories, draw: Draw, threads: int) -> np.ndarray:
        """Return (B, k) users' vectors: the mean of what they can be, given one draw of the movies'
        and the users' own ratings.
        """
        means = np.tile(draw.prior.mean, (len(histories), 1))
        if len(draw.chosen):
            means += choices(histories) @ draw.chosen
        values = histories.ratings - self.mean - draw.movies[histories.movies, -1]
        inputs = inputs_of(draw.movies)
        regressions = Regressions(histories, inputs, draw.prior.precision, draw.trust)
        return regressions.solve(values, means, threads)
