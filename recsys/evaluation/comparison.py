"""Whether one model is better than another on the same users, or only luckier."""

from dataclasses import dataclass

import numpy as np

#: Draws held in memory at once: about 50 MB of indices and picked differences.
DRAWS = 4_000_000


@dataclass(frozen=True)
class Interval:
    """Mean per-user difference over `n` users, and the bootstrap interval around it."""

    mean: float
    low: float
    high: float
    n: int


def paired_bootstrap(a: np.ndarray, b: np.ndarray, *, resamples: int, seed: int, level: float = 0.95) -> Interval:
    """Percentile interval of the mean of a − b, both (U,) and of the same users in the same order; U ≥ 1.

    Users are resampled whole, so that what makes a user hard is the same on both sides (Efron & Tibshirani, An Introduction to
    the Bootstrap, 1993, ch. 13; for retrieval metrics: Sakai, SIGIR 2006). Same seed, same interval.
    """
    difference = a.astype(np.float64) - b.astype(np.float64)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(_resampled_means(difference, resamples, seed), [tail, 1.0 - tail])
    return Interval(mean=float(difference.mean()), low=float(low), high=float(high), n=len(difference))


def _resampled_means(difference: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """(resamples,) means of U draws with replacement, DRAWS at a time so that memory does not grow with U."""
    rng = np.random.default_rng(seed)
    n = len(difference)
    means = np.empty(resamples)
    step = max(DRAWS // n, 1)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        picked = rng.integers(n, size=(rows, n), dtype=np.int32)
        means[start : start + rows] = difference[picked].mean(axis=1)
    return means
