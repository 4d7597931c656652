"""Gini@k: how unequally the catalogue's movies are shown (as in LensKit's ListGini)."""

import numpy as np

from recsys.features.interactions import index_of


def gini(lists: np.ndarray, candidates: np.ndarray) -> float:
    """Gini coefficient of how many rows of `lists` (U, k) have each of `candidates` (C,), ids in ascending order.

    0: all are listed equally often; (C − 1) / C: one alone is ever listed. NaN where none is.
    """
    positions = index_of(candidates, lists)
    exposure = np.sort(np.bincount(positions[positions >= 0], minlength=len(candidates)))
    total = exposure.sum()
    if not total:
        return float("nan")
    n = len(exposure)
    return float((2 * np.arange(1, n + 1) - n - 1) @ exposure / (n * total))
