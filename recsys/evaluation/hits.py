"""Lists against the held-out ratings: which of their movies are relevant."""

import numpy as np

from recsys.features.interactions import Interactions, index_of


def hits_of(
    lists: np.ndarray, users: np.ndarray, held_out: Interactions, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hits (U, k) bool of `lists` (U, k) of movie ids for `users` (U,) ids, and how many
    relevant movies each user has (U,) int64.

    `relevant` is a mask over the rows of `held_out`; a list's −1 is never a hit.
    """
    width = len(held_out.movie_ids)
    rows = index_of(users, held_out.user_ids)[held_out.users[relevant]]
    movies = held_out.movies[relevant].astype(np.int64)[rows >= 0]
    rows = rows[rows >= 0]
    relevant_pairs = np.sort(rows * width + movies)
    listed_pairs = pairs(index_of(held_out.movie_ids, lists), width)
    return index_of(relevant_pairs, listed_pairs) >= 0, np.bincount(rows, minlength=len(users))


def pairs(positions: np.ndarray, width: int) -> np.ndarray:
    """Return one number for each row and movie position (U, k), −1 where a list has ended."""
    rows = np.arange(len(positions))[:, None]
    return np.where(positions >= 0, rows * width + positions, -1)
