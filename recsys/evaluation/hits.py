"""Lists against what was held out: which of their movies are relevant."""

import numpy as np

from recsys.features.interactions import Interactions, index_of


def hits_of(
    lists: np.ndarray, users: np.ndarray, held_out: Interactions, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Hits (U, k) bool of `lists` (U, k) of movie ids for `users` (U,) ids, and how many relevant
    movies each has (U,) int64.

    `relevant` is a mask over the rows of `held_out`; a list's −1 is never a hit.
    """
    width = len(held_out.movie_ids)
    rows = index_of(users, held_out.user_ids)[held_out.users[relevant]]
    movies = held_out.movies[relevant].astype(np.int64)[rows >= 0]
    rows = rows[rows >= 0]
    n_relevant = np.bincount(rows, minlength=len(users))
    relevant_pairs = np.sort(rows * width + movies)
    positions = index_of(held_out.movie_ids, lists)
    pairs = np.where(positions >= 0, np.arange(len(users))[:, None] * width + positions, -1)
    return index_of(relevant_pairs, pairs) >= 0, n_relevant
