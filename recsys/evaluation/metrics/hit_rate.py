"""Hit rate@k: whether anything in the list is relevant."""

import numpy as np


def hit_rate(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Return (U,) 1 where the user's row of `hits` (U, k) has a hit, else 0."""
    return hits.max(axis=1).astype(np.float64)
