"""Ways of holding ratings out, as masks."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from recsys.evaluation.holdout import (
    leave_newest_out,
    leave_one_out,
    newest_by_time,
    random_share,
    random_share_of_each,
)
from recsys.features.interactions import Interactions


def ratings(rows: list[tuple[int, int, int]]) -> Interactions:
    """Rows of (user id, movie id, epoch seconds)."""
    user, movie, rated_at = np.array(rows).reshape(-1, 3).T
    return Interactions.of(user, movie, np.full(len(rows), 4.0), rated_at, movie_ids=np.arange(20))


def random_ratings(seed: int, n_rows: int = 900) -> Interactions:
    rng = np.random.default_rng(seed)
    user, movie = np.divmod(rng.choice(40 * 60, size=n_rows, replace=False), 60)
    return Interactions.of(
        user, movie, np.full(n_rows, 4.0), rng.integers(0, 50, n_rows), movie_ids=np.arange(60)
    )


def held_out(data: Interactions, mask: np.ndarray) -> list[tuple[int, int]]:
    return list(
        zip(
            data.user_ids[data.users[mask]].tolist(),
            data.movie_ids[data.movies[mask]].tolist(),
            strict=True,
        )
    )


def test_newest_by_time_is_one_cut_for_all():
    data = ratings([(1, 1, 50), (1, 2, 90), (2, 1, 10), (2, 3, 20), (3, 1, 95)])
    assert held_out(data, newest_by_time(data, 0.4)) == [(1, 2), (3, 1)]


def test_newest_by_time_parts_no_second():
    data = ratings([(1, 1, 10), (1, 2, 90), (2, 1, 90), (2, 3, 90), (3, 1, 95)])
    assert held_out(data, newest_by_time(data, 0.4)) == [(1, 2), (2, 1), (2, 3), (3, 1)]


@pytest.mark.parametrize("seed", range(3))
def test_no_training_rating_is_as_new_as_a_held_out_one(seed: int):
    data = random_ratings(seed)
    mask = newest_by_time(data, 0.1)
    assert data.rated_at[~mask].max() < data.rated_at[mask].min()
    one_second_less = data.rated_at > data.rated_at[mask].min()
    assert one_second_less.sum() < 90 <= mask.sum()


def test_leave_one_out_takes_the_newest_and_of_ties_the_higher_movie_id():
    data = ratings([(1, 5, 10), (1, 2, 90), (2, 9, 7), (2, 3, 7), (2, 4, 6), (3, 1, 95)])
    assert held_out(data, leave_one_out(data)) == [(1, 2), (2, 9)]  # 3 keeps its only one


@pytest.mark.parametrize("seed", range(3))
def test_leave_one_out_agrees_with_a_loop(seed: int):
    data = random_ratings(seed, 150)
    expected = np.zeros(len(data), dtype=bool)
    for position in range(len(data.user_ids)):
        own = np.flatnonzero(data.users == position)
        if len(own) > 1:
            expected[max(own, key=lambda row: (data.rated_at[row], data.movies[row]))] = True
    assert np.array_equal(leave_one_out(data), expected)


def test_random_share_is_the_seeds():
    data = random_ratings(0)
    mask = random_share(data, 0.1, seed=7)
    assert mask.sum() == 90
    assert np.array_equal(mask, random_share(data, 0.1, seed=7))
    assert not np.array_equal(mask, random_share(data, 0.1, seed=8))
    assert abs(np.flatnonzero(mask).mean() / len(data) - 0.5) < 0.1  # from everywhere


def test_a_random_share_of_each_is_of_each_user_and_the_seeds():
    data = random_ratings(0)
    mask = random_share_of_each(data, 0.2, seed=7)
    assert np.bincount(data.users[mask]).tolist() == np.rint(0.2 * data.n_rated).tolist()
    assert np.array_equal(mask, random_share_of_each(data, 0.2, seed=7))
    assert not np.array_equal(mask, random_share_of_each(data, 0.2, seed=8))
    newest = data.rated_at[mask].mean() / data.rated_at.mean()
    assert 0.9 < newest < 1.1  # drawn without regard to time


def test_random_share_does_not_depend_on_the_order_of_arrival():
    rows = [(user, movie, user * movie) for user in range(5) for movie in range(10)]
    there, back = ratings(rows), ratings(rows[::-1])
    assert held_out(there, random_share(there, 0.3, seed=1)) == held_out(
        back, random_share(back, 0.3, seed=1)
    )


@pytest.mark.parametrize(
    "split",
    [
        partial(newest_by_time, share=0.1),
        leave_newest_out,
        leave_one_out,
        partial(random_share, share=0.1, seed=0),
    ],
)
@pytest.mark.parametrize("rows", [[], [(1, 2, 3)]], ids=["no rating", "one rating"])
def test_too_little_to_split_holds_nothing_out(
    split: Callable[[Interactions], np.ndarray], rows: list[tuple[int, int, int]]
):
    assert split(ratings(rows)).tolist() == [False] * len(rows)
