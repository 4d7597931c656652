"""How many users rated both of two movies, exactly: a bit for each user and movie."""

from collections.abc import Iterable

import numpy as np

__all__ = ["USERS_AT_ONCE", "common_raters"]

#: Users whose bits are in memory at once: 14 MB of them for 27,000 movies. A multiple of 64.
USERS_AT_ONCE = 4_096

#: Pairs compared at once: their words stay in a processor's cache.
PAIRS_AT_ONCE = 256


def common_raters(
    rated: Iterable[tuple[np.ndarray, np.ndarray]], pairs: np.ndarray, n_movies: int
) -> np.ndarray:
    """Return (K,) int32: how many users rated both movies of `pairs` (K, 2), positions below
    `n_movies`.

    `rated` yields, for at most USERS_AT_ONCE users at a time, who rated what: users (R,) by a
    number below USERS_AT_ONCE, and movies (R,) by position. A user is in one block only, and may
    have rated a movie several times.
    """
    counts = np.zeros(len(pairs), dtype=np.int32)
    for users, movies in rated:
        bits = bits_of(users, movies, n_movies)
        has_raters = np.bitwise_or.reduce(bits, axis=1) > 0
        rows = np.flatnonzero(has_raters[pairs].all(axis=1))
        for start in range(0, len(rows), PAIRS_AT_ONCE):
            part = rows[start : start + PAIRS_AT_ONCE]
            both = bits[pairs[part, 0]]
            both &= bits[pairs[part, 1]]
            counts[part] += np.bitwise_count(both).sum(axis=1, dtype=np.int32)
    return counts


def bits_of(users: np.ndarray, movies: np.ndarray, n_movies: int) -> np.ndarray:
    """Return (n_movies, USERS_AT_ONCE / 64) uint64, with a 1 for each user who rated the movie."""
    width = USERS_AT_ONCE // 8
    packed = np.zeros(n_movies * width, dtype=np.uint8)
    places = movies.astype(np.int64) * width + users // 8
    np.bitwise_or.at(packed, places, (1 << (users % 8)).astype(np.uint8))
    return packed.reshape(n_movies, width).view(np.uint64)
