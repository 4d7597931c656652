"""Raters in common against a product of whole matrices."""

from collections.abc import Iterator

import numpy as np

from recsys.features.common_raters import USERS_AT_ONCE, common_raters

N_USERS, N_MOVIES = 2 * USERS_AT_ONCE + 77, 40


def blocks_of(users: np.ndarray, movies: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Who rated what, some users at a time."""
    for start in range(0, N_USERS, USERS_AT_ONCE):
        rows = (users >= start) & (users < start + USERS_AT_ONCE)
        yield users[rows] - start, movies[rows]


def test_raters_in_common_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(5)
    users = rng.integers(0, N_USERS, 30_000)
    movies = np.minimum(rng.geometric(0.12, 30_000), N_MOVIES - 2)  # nobody rated 0 and the last
    rated = np.zeros((N_USERS, N_MOVIES), dtype=np.int64)
    rated[users, movies] = 1
    assert rated.sum() < len(users), "some are rated twice"
    pairs = np.stack(np.meshgrid(np.arange(N_MOVIES), np.arange(N_MOVIES)), axis=-1).reshape(-1, 2)
    counts = common_raters(blocks_of(users, movies), pairs, N_MOVIES)
    np.testing.assert_array_equal(counts, (rated.T @ rated)[pairs[:, 0], pairs[:, 1]])
    assert counts.max() > 256 and (counts == 0).any()


def test_a_block_that_all_have_rated_counts_all() -> None:
    users, movies = np.divmod(np.arange(2 * USERS_AT_ONCE), 2)
    counts = common_raters([(users, movies)], np.array([[0, 1], [1, 2]]), 3)
    assert counts.tolist() == [USERS_AT_ONCE, 0]


def test_no_pair_and_no_user_are_counted_as_nothing() -> None:
    none = np.empty(0, dtype=np.int64)
    assert common_raters([(none, none)], np.empty((0, 2), dtype=np.int64), 5).shape == (0,)
    assert common_raters([], np.array([[0, 1]]), 2).tolist() == [0]
