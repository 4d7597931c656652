"""NDCG@k: hits count less the lower they stand (Järvelin & Kekäläinen, ACM TOIS 20(4), 2002), with
binary relevance.
"""

import numpy as np


def ndcg(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Return (U,) discounted gain of `hits` (U, k), discount 1 / log2(rank + 1), over that of the
    ideal list.

    The ideal list has min(k, n_relevant) hits at its head, so a perfect list scores 1 however short
    the user's likes are.
    """
    k = hits.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(n_relevant, k) - 1]
    return hits @ discounts / ideal
