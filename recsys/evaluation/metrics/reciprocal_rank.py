"""Reciprocal rank@k, whose mean over users is MRR@k."""

import numpy as np


def reciprocal_rank(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Return (U,) 1 / rank of the first hit in `hits` (U, k); 0 without one."""
    return np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0)
