"""Users in batches of equally long histories, whose arrays are of one shape: what is computed of a
user is then the same bits in whatever company.
"""

from collections.abc import Iterator

import numpy as np

from recsys.features.histories import Histories

__all__ = ["rows_of", "users_of_equal_length"]

#: Numbers in the movies' vectors of the users of a batch: they stay in the cache.
NUMBERS_AT_ONCE = 1 << 18


def users_of_equal_length(histories: Histories, width: int) -> Iterator[np.ndarray]:
    """Yield the users (b,) who have ratings, in batches of the same number of them; vectors of
    movies are `width` long.
    """
    lengths = histories.lengths
    by_length = np.argsort(lengths, kind="stable")
    ends = np.flatnonzero(np.diff(lengths[by_length], append=-1)) + 1
    for users in np.split(by_length, ends[:-1]):
        length = int(lengths[users[0]]) if len(users) else 0
        if length:
            size = max(NUMBERS_AT_ONCE // (max(length, width) * width), 1)
            yield from np.split(users, range(size, len(users), size))


def rows_of(histories: Histories, users: np.ndarray) -> np.ndarray:
    """Return (b, k): which k ratings are of each of the users, who have equally many."""
    length = int(histories.lengths[users[0]])
    return histories.starts[users][:, None] + np.arange(length)
