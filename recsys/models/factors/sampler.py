"""Vectors of users and movies drawn from their posterior: Gibbs sampling."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.models.base import Compute, Report
from recsys.models.factors.equations import Regressions
from recsys.models.factors.priors import Implicit, Prior, choices

__all__ = ["Draw", "Sampler", "SamplerConfig", "inputs_of"]

#: How far off zero vectors begin.
START = 0.1

#: Of ratings that are all the same.
SMALLEST_VARIANCE = 1e-6


@dataclass(frozen=True)
class SamplerConfig:
    """The length of vectors without the bias, and whose choices speak: the users', and the movies'
    (who has rated them).
    """

    factors: int
    by_choice: bool = False
    by_raters: bool = False


@dataclass(frozen=True)
class Draw:
    """One state of the chain, as far as a new user's vector and stars need it: the `movies` (M, k),
    the last column their biases, the users' `prior`, the `trust` in a rating, and what users'
    choices add, `chosen` (M, k), or (0, k).
    """

    movies: np.ndarray
    prior: Prior
    trust: float
    chosen: np.ndarray


class Side:
    """Users, or movies: their ratings, and their vectors (N, k), the last column the bias."""

    def __init__(self, ratings: Histories, width: int, *, by_choice: bool) -> None:
        self.ratings = ratings
        self.vectors = np.zeros((len(ratings), width))
        self.implicit = Implicit(choices(ratings), width) if by_choice else None
        self.prior = Prior(np.zeros(width), np.eye(width))

    def sums(self) -> np.ndarray:
        """Return (N, k) what choices add to the prior's mean, or zeros."""
        return np.zeros_like(self.vectors) if self.implicit is None else self.implicit.sums()

    def draw_prior(self, rng: np.random.Generator) -> None:
        """Draw what the vectors may come from."""
        self.prior = Prior.draw(self.vectors - self.sums(), rng)
        if self.implicit is not None:
            self.implicit.draw(self.vectors - self.prior.mean, self.prior, rng)

    def draw_vectors(
        self, values: np.ndarray, inputs: np.ndarray, trust: float, chance: "Chance"
    ) -> None:
        """Draw the vectors by the other side's `inputs` (N', k) and what these are to explain,
        `values` (R,): the regression on values and means that noise disturbs is a draw.
        """
        rng = chance.rng
        means = self.prior.mean + self.sums() + self.prior.noise(len(self.vectors), rng)
        disturbed = values + rng.standard_normal(len(values)) / np.sqrt(trust)
        regressions = Regressions(self.ratings, inputs, self.prior.precision, trust)
        self.vectors = regressions.solve(disturbed, means, chance.threads)


@dataclass(frozen=True)
class Chance:
    """Where random numbers come from, and how many threads use them."""

    rng: np.random.Generator
    threads: int


class Sampler:
    """Draws from the posterior of: a rating is the mean, the biases of user and movie, and the
    product of their vectors (Salakhutdinov & Mnih 2008, "Bayesian Probabilistic Matrix
    Factorization using Markov Chain Monte Carlo").
    """

    def __init__(self, ratings: Interactions, config: SamplerConfig, compute: Compute) -> None:
        self.chance = Chance(np.random.default_rng(compute.seed), compute.threads)
        width = config.factors + 1
        self.mean = float(ratings.ratings.mean(dtype=np.float64))
        self.values = ratings.ratings.astype(np.float64) - self.mean
        self.by_movie = np.argsort(ratings.movies, kind="stable")
        of_users = ratings.histories_of(ratings.user_ids)
        self.users = Side(of_users, width, by_choice=config.by_choice)
        self.movies = Side(
            movie_histories(ratings, self.by_movie), width, by_choice=config.by_raters
        )
        for side in (self.users, self.movies):
            side.vectors += START * self.chance.rng.standard_normal(side.vectors.shape)
        self.trust = 1 / max(float(self.values.var()), SMALLEST_VARIANCE)

    def run(self, n_draws: int, report: Report) -> Iterator[Draw]:
        """Yield draws, each given the one before."""
        with threadpool_limits(1, "blas"):
            for number in range(n_draws):
                yield self.sweep()
                report("training_rmse", float(np.sqrt(1 / self.trust)), number)

    def sweep(self) -> Draw:
        """Draw everything once, given the rest."""
        rng = self.chance.rng
        users, movies = self.users, self.movies
        users.draw_prior(rng)
        rest = self.values - movies.vectors[users.ratings.movies, -1]
        users.draw_vectors(rest, inputs_of(movies.vectors), self.trust, self.chance)
        movies.draw_prior(rng)
        rest = self.values[self.by_movie] - users.vectors[movies.ratings.movies, -1]
        movies.draw_vectors(rest, inputs_of(users.vectors), self.trust, self.chance)
        self.trust = self.draw_trust()
        chosen = users.implicit.vectors if users.implicit else users.vectors[:0]
        return Draw(movies.vectors, users.prior, self.trust, chosen)

    def draw_trust(self) -> float:
        """Draw the precision of a rating by what the vectors leave over."""
        error = np.sum(self.rests() ** 2)
        return self.chance.rng.gamma(1 + len(self.values) / 2, 1 / (1 + error / 2))

    def rests(self) -> np.ndarray:
        """Return (R,) ratings less what the vectors say, by user."""
        users, movies = self.users.ratings.users, self.users.ratings.movies
        of_movies = self.movies.vectors[movies]
        products = np.einsum("rk,rk->r", self.users.vectors[users], inputs_of(of_movies))
        return self.values - products - of_movies[:, -1]


def inputs_of(vectors: np.ndarray) -> np.ndarray:
    """Return (N, k) what the other side's vectors are multiplied with: 1 in place of the bias."""
    inputs = vectors.copy()
    inputs[:, -1] = 1
    return inputs


def movie_histories(ratings: Interactions, by_movie: np.ndarray) -> Histories:
    """Return the users who rated each movie, by an order (R,) of the ratings by movie."""
    n_users, _ = ratings.shape
    starts = np.concatenate([[0], np.cumsum(ratings.n_raters)]).astype(np.int32)
    columns = (ratings.users[by_movie], ratings.ratings[by_movie], ratings.rated_at[by_movie])
    return Histories(starts, *columns, n_movies=n_users)
