"""Average precision@k, whose mean over users is MAP@k."""

import numpy as np


def average_precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Return (U,) precision at each hit's rank in `hits` (U, k), summed, over min(k, n_relevant): a
    perfect list scores 1.

    Some tools divide by `n_relevant` alone, which punishes users with more than k likes.
    """
    k = hits.shape[1]
    at_rank = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    return (at_rank * hits).sum(axis=1) / np.minimum(n_relevant, k)
