"""Gini@k: how unequally the catalogue's movies are shown (as in LensKit's ListGini)."""

import numpy as np


def gini(exposure: np.ndarray) -> float:
    """Gini coefficient of `exposure` (C,): how many lists each candidate is in.

    0: all are listed equally often; (C − 1) / C: one alone is ever listed. NaN where none is.
    """
    n, total = len(exposure), exposure.sum()
    if not total:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(exposure) / (n * total))
