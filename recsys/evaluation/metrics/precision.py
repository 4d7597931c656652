"""Precision@k: the share of a list that is relevant."""

import numpy as np


def precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Return (U,) hits over k, for `hits` (U, k) in rank order; a list that ends early is still
    divided by k.
    """
    return hits.mean(axis=1, dtype=np.float64)
