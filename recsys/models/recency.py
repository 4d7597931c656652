"""How much an old like still counts."""

import numpy as np

from recsys.features.histories import Histories

SECONDS_A_DAY = 86_400


def faded(age_seconds: np.ndarray, half_life_days: float | None) -> np.ndarray:
    """(R,) float64 weights of likes aged (R,) seconds: halved with every half-life of age; 1 where
    `half_life_days` is None.
    """
    if half_life_days is None:
        return np.ones(len(age_seconds))
    return np.exp2(-age_seconds / (half_life_days * SECONDS_A_DAY))


def n_later_likes(likes: Histories) -> np.ndarray:
    """Return (H,) how many likes the same user gave later; ties of time go to the higher movie
    id.
    """
    users = likes.users
    newest_first = np.lexsort((-likes.movies, -likes.rated_at, users))
    n_later = np.empty(len(users))
    n_later[newest_first] = np.arange(len(users)) - likes.starts[users]
    return n_later
