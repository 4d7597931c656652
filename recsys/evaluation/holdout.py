"""Ways of holding ratings out: each returns a mask (R,) bool over the rows of `Interactions`, True
where a rating is held out.

`data.where(~mask)` are then the training ratings, `data.where(mask)` the held-out ones.
"""

import numpy as np

from recsys.features.interactions import Interactions

#: Leave-newest-out holds out one in ten, at least one, of users who have at least five.
OWN_SHARE = 10
OWN_MIN_RATINGS = 5


def newest_by_time(interactions: Interactions, share: float) -> np.ndarray:
    """Return the newest `share` of all ratings: one moment splits them, so no training rating is
    newer than a held-out one.

    Ratings of the very second at which the share ends are all held out.
    """
    n_held_out = round(share * len(interactions))
    if not n_held_out:
        return np.zeros(len(interactions), dtype=bool)
    first = len(interactions) - n_held_out
    return interactions.rated_at >= np.partition(interactions.rated_at, first)[first]


def leave_newest_out(interactions: Interactions) -> np.ndarray:
    """Return the newest tenth of each user's ratings, by time and then movie id; nothing of a user
    with fewer than OWN_MIN_RATINGS.
    """
    counts = interactions.n_rated
    n_held_out = np.where(counts >= OWN_MIN_RATINGS, np.maximum(counts // OWN_SHARE, 1), 0)
    return _newest_of_each(interactions, counts, n_held_out)


def leave_one_out(interactions: Interactions) -> np.ndarray:
    """Return each user's newest rating, by time and then movie id; a user's only rating is kept."""
    counts = interactions.n_rated
    return _newest_of_each(interactions, counts, (counts > 1).astype(np.int64))


def random_share(interactions: Interactions, share: float, *, seed: int) -> np.ndarray:
    """Return `share` of all ratings, to the nearest whole one, drawn without regard to user or
    time; same seed, same mask.
    """
    picked = np.random.default_rng(seed).choice(
        len(interactions), size=round(share * len(interactions)), replace=False
    )
    mask = np.zeros(len(interactions), dtype=bool)
    mask[picked] = True
    return mask


def random_share_of_each(interactions: Interactions, share: float, *, seed: int) -> np.ndarray:
    """Return `share` of each user's ratings, to the nearest whole one, drawn without regard to
    time; same seed, same mask.
    """
    counts = interactions.n_rated
    drawn = np.random.default_rng(seed).random(len(interactions))
    order = np.lexsort((drawn, interactions.users))
    return _last_of_each(interactions, order, counts, np.rint(share * counts).astype(np.int64))


def _newest_of_each(
    interactions: Interactions, counts: np.ndarray, n_held_out: np.ndarray
) -> np.ndarray:
    """Return the newest `n_held_out` (U,) of each user's `counts` (U,) ratings."""
    order = np.lexsort((interactions.movies, interactions.rated_at, interactions.users))
    return _last_of_each(interactions, order, counts, n_held_out)


def _last_of_each(
    interactions: Interactions, order: np.ndarray, counts: np.ndarray, n_held_out: np.ndarray
) -> np.ndarray:
    """Return the last `n_held_out` (U,) of each user's `counts` (U,) ratings, by an `order` (R,)
    that goes user by user.
    """
    first_held_out = np.cumsum(counts) - n_held_out
    mask = np.empty(len(interactions), dtype=bool)
    mask[order] = np.arange(len(order)) >= first_held_out[interactions.users[order]]
    return mask
