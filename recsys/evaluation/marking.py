"""Lists against what was held out: which of their movies are relevant."""

import numpy as np

from recsys.features.interactions import Interactions, index_of


def mark(lists: np.ndarray, users: np.ndarray, held_out: Interactions, relevant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hits (U, k) bool of `lists` (U, k) of movie ids for `users` (U,) ids, and how many relevant movies each has (U,) int64.

    `relevant` is a mask over the rows of `held_out`; a list's −1 is never a hit.
    """
    told = held_out.where(relevant)
    listed = index_of(held_out.movie_ids, lists)
    hits = told.has(np.repeat(users, listed.shape[1]), listed.ravel()).reshape(listed.shape)
    return hits, told.seen_by(users).getnnz(axis=1).astype(np.int64)
