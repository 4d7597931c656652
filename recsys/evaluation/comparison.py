"""Whether one model is better than another on the same users, or only luckier."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Interval:
    """Mean difference over `n` users, and the bootstrap interval around it.

    `sd` is such that sd / √n is the mean's standard error: where each user has a difference, their
    standard deviation. `low` lies `critical` standard errors below the mean.
    """

    mean: float
    low: float
    high: float
    n: int
    sd: float
    critical: float


def simultaneous_intervals(
    differences: np.ndarray, *, resamples: int, seed: int, level: float = 0.95
) -> list[Interval]:
    """Return intervals of the K means of `differences` (U, K), user by challenger, that hold
    together; U ≥ 1.

    Whoever picks the best of K must ask more of it than of one. So each interval reaches as far
    below its mean as the luckiest of the K strays above its own, in standard errors, in all but (1
    − level) / 2 of the resamples, and as far above as the unluckiest strays below (White, A Reality
    Check for Data Snooping, 2000; studentised: Romano & Wolf, Econometrica 2005). The chance that
    any lower end lies above its true mean is then near (1 − level) / 2 in all. Challengers that are
    alike pay less.

    Users are resampled whole, the same ones for all K, so that what makes a user hard is the same
    on both sides (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13; for retrieval
    metrics: Sakai, SIGIR 2006). A difference that is the same for everyone has an interval without
    width. Same seed, same intervals.
    """
    rng = np.random.default_rng(seed)
    return _Means.of(differences, resamples, rng).intervals(level)


def paired_bootstrap(
    a: np.ndarray, b: np.ndarray, *, resamples: int, seed: int, level: float = 0.95
) -> Interval:
    """Return the interval of the mean of a − b, both (U,) and of the same users in the same order:
    `simultaneous_intervals` of one.
    """
    difference = a.astype(np.float64) - b.astype(np.float64)
    (interval,) = simultaneous_intervals(
        difference[:, None], resamples=resamples, seed=seed, level=level
    )
    return interval


def two_sample_bootstrap(
    a: np.ndarray, b: np.ndarray, *, resamples: int, seed: int, level: float = 0.95
) -> Interval:
    """Return the interval of mean(a) − mean(b), of two groups of users with none in common: (A,)
    and (B,), A ≥ 1, B ≥ 1; n is A + B.

    Each group is resampled by itself (Efron & Tibshirani 1993, ch. 8). Same seed, same interval.
    """
    rng = np.random.default_rng(seed)
    one = _Means.of(a[:, None], resamples, rng)
    other = _Means.of(b[:, None], resamples, rng)
    (interval,) = one.minus(other).intervals(level)
    return interval


def users_needed(interval: Interval, effect: float, power: float = 0.9) -> int:
    """Return how many users let a challenger that is truly 2 × effect ahead have its lower end
    above `effect` in `power` of all exams.

    Its true mean is `effect` above the bound. So much must hold the `critical` standard errors down
    to the lower end, and what bad luck takes. The default asks for more than the customary 80%
    (Cohen, Statistical Power Analysis, 1988), because `sd` and `critical` are estimates and
    differences are skewed: with 80%, exams drawn from a real one gave 75 to 82. With an sd of 0 one
    user is enough; whether really all are alike, or only the few in the exam, an interval cannot
    show.
    """
    strides = interval.critical + NormalDist().inv_cdf(power)
    return max(math.ceil((strides * interval.sd / effect) ** 2), 1)


@dataclass(frozen=True)
class _Means:
    """K means over `n` users, their `sds` (K,), such that sd / √n is a mean's standard error, and
    the means of resampled users (resamples, K).
    """

    means: np.ndarray
    sds: np.ndarray
    n: int
    resampled: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, resamples: int, rng: np.random.Generator) -> Self:
        """Take the means of the columns of `values` (U, K)."""
        values = values.astype(np.float64)
        resampled = resampled_means(values, resamples, rng)
        return cls(values.mean(axis=0), spread(values), len(values), resampled)

    def minus(self, other: Self) -> "_Means":
        """Return the differences from the means over other users."""
        n = self.n + other.n
        sds = np.sqrt(n * (self.sds**2 / self.n + other.sds**2 / other.n))
        return _Means(self.means - other.means, sds, n, self.resampled - other.resampled)

    def intervals(self, level: float) -> list[Interval]:
        """Return the intervals that hold together. A mean that never moves takes no part."""
        errors = self.sds / math.sqrt(self.n)
        strayed = self._strayed(errors)
        above = _luckiest(strayed, level)
        below = _luckiest(-strayed, level)
        lows = self.means - above * errors
        highs = self.means + below * errors
        rows = np.stack([self.means, lows, highs, self.sds], axis=1).tolist()
        return [Interval(mean, low, high, self.n, sd, above) for mean, low, high, sd in rows]

    def _strayed(self, errors: np.ndarray) -> np.ndarray:
        """Return how far each resampled mean lies above its mean, in standard errors."""
        moves = errors > 0
        return (self.resampled[:, moves] - self.means[moves]) / errors[moves]


def _luckiest(strayed: np.ndarray, level: float) -> float:
    """Return how far the luckiest of K means strays up in all but (1 − level) / 2 of the resamples
    (resamples, K), in standard errors.
    """
    return float(np.quantile(strayed.max(axis=1, initial=0.0), (1.0 + level) / 2.0))


def spread(values: np.ndarray) -> np.ndarray:
    """Return the standard deviations (K,) of the columns; exactly 0 where all are equal, which
    rounding would hide.
    """
    return np.where(np.ptp(values, axis=0) > 0, values.std(axis=0), 0.0)


def resampled_means(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return (resamples, K) means of U rows drawn with replacement from `values` (U, K).

    Most rows of an exam are all zeros and add nothing, so only how many draws fall on the others is
    drawn, and then where they fall.
    """
    others = np.ascontiguousarray(values[values.any(axis=1)].T)
    n = len(values)
    n_others = others.shape[1]
    means = np.zeros((resamples, values.shape[1]))
    if n_others:
        for row, draws in enumerate(rng.binomial(n, n_others / n, size=resamples)):
            means[row] = sum_of(others, rng.integers(n_others, size=draws)) / n
    return means


def sum_of(columns: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """Return the sum (K,) of the picked columns of (K, N), without BLAS, whose sums depend on its
    number of threads.
    """
    times = np.bincount(picks, minlength=columns.shape[1]).astype(np.float64)
    return np.einsum("u,ku->k", times, columns)
