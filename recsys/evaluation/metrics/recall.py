"""Recall@k: the share of what is relevant that the list has."""

import numpy as np


def recall(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Return (U,) hits over `n_relevant` (U,), for `hits` (U, k). With more than k relevant movies
    no list reaches 1.
    """
    return hits.sum(axis=1) / n_relevant
