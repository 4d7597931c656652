"""The exam of a week: dated where enough users decide, else leave-newest-out."""

from datetime import UTC, datetime

import numpy as np
import pytest

from recsys.evaluation.holdout import leave_newest_out
from recsys.evaluation.split import WEEK_SECONDS, split_exam
from recsys.features.interactions import Interactions

NEWEST = int(datetime(2026, 11, 15, 12, tzinfo=UTC).timestamp())


def ratings(rows: list[tuple[int, int, float, int]], n_movies: int = 20) -> Interactions:
    """Rows of (user id, movie id, stars, seconds before NEWEST)."""
    user, movie, stars, age = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.of(user, movie, stars, NEWEST - age, movie_ids=np.arange(1, n_movies + 1))


def week_old(weeks: float) -> int:
    return int(weeks * WEEK_SECONDS)


def held_out_pairs(exam) -> set[tuple[int, int]]:
    rows = exam.held_out
    return set(
        zip(rows.user_ids[rows.users].tolist(), rows.movie_ids[rows.movies].tolist(), strict=True)
    )


TWO_WEEKS = ratings(
    [
        (1, 1, 5.0, week_old(9)),
        (1, 2, 4.0, 0),  # the newest of all: week 1
        (2, 1, 3.0, week_old(9)),
        (2, 3, 5.0, week_old(1)),  # to the second a week old: in week 2
        (3, 1, 5.0, week_old(9)),
        (3, 4, 3.5, 0),  # not liked: 3 does not decide
        (4, 5, 5.0, 0),  # nothing known: 4 does not decide
        (4, 7, 3.0, week_old(1) - 1),  # the oldest second of week 1
        (5, 6, 5.0, week_old(9)),  # nothing held out
    ]
)


def test_one_week_is_enough_for_one_user():
    exam = split_exam(TWO_WEEKS, min_users=1, like_threshold=4.0)
    assert (exam.kind, exam.weeks) == ("dated", 1)
    assert exam.users.tolist() == [1]
    assert held_out_pairs(exam) == {(1, 2), (3, 4), (4, 5), (4, 7)}


def test_the_window_grows_until_enough_users_decide():
    exam = split_exam(TWO_WEEKS, min_users=2, like_threshold=4.0)
    assert (exam.kind, exam.weeks) == ("dated", 2)
    assert exam.users.tolist() == [1, 2]


@pytest.mark.parametrize(("n_users", "weeks", "users"), [(0, 1, [1]), (1, 1, [1]), (2, 2, [1, 2])])
def test_more_users_may_be_wanted_than_it_takes(n_users: int, weeks: int, users: list[int]):
    exam = split_exam(TWO_WEEKS, min_users=1, wanted_users=n_users, like_threshold=4.0)
    assert (exam.kind, exam.weeks, exam.users.tolist()) == ("dated", weeks, users)


def test_where_too_few_are_there_the_longest_dated_exam_that_is_enough_is_held():
    exam = split_exam(TWO_WEEKS, min_users=2, wanted_users=3, like_threshold=4.0)
    assert (exam.kind, exam.weeks, exam.users.tolist()) == ("dated", 8, [1, 2])
    nobody = split_exam(TWO_WEEKS, min_users=3, wanted_users=9, like_threshold=4.0)
    assert nobody.kind == "leave-newest-out"


def test_cut_is_the_moment_before_which_everything_is_known():
    exam = split_exam(TWO_WEEKS, min_users=1, like_threshold=4.0)
    assert exam.cut == datetime.fromtimestamp(NEWEST - week_old(1) + 1, UTC)
    assert exam.cut is not None
    train = exam.train.interactions()
    assert train.rated_at.max() < exam.cut.timestamp() <= exam.held_out.rated_at.min()
    assert len(train) + len(exam.held_out) == len(TWO_WEEKS)
    assert np.array_equal(train.movie_ids, exam.movie_ids)


def test_an_exam_holds_the_histories_of_those_with_held_out_ratings_and_counts_all_raters():
    exam = split_exam(TWO_WEEKS, min_users=1, like_threshold=4.0)
    assert exam.histories.user_ids.tolist() == [1, 3]  # 4 has none
    train = exam.train.interactions()
    assert exam.raters.counts.tolist() == train.n_raters.tolist()
    assert exam.raters.n_users == len(train.user_ids) == 4


def test_like_threshold_decides_who_decides():
    exam = split_exam(TWO_WEEKS, min_users=2, like_threshold=3.5)
    assert exam.weeks == 1
    assert exam.users.tolist() == [1, 3]


def test_small_data_falls_back_to_leave_newest_out():
    exam = split_exam(TWO_WEEKS, min_users=3, like_threshold=4.0)
    assert (exam.kind, exam.weeks, exam.cut) == ("leave-newest-out", None, None)
    assert len(exam.held_out) == 0  # nobody has five ratings
    assert exam.users.dtype == np.int64
    assert len(exam.users) == 0


def test_leave_newest_out_takes_a_tenth_and_at_least_one_of_those_with_five():
    rows = [(1, movie, 4.0, 100 - movie) for movie in range(1, 5)]  # 4 ratings: none
    rows += [(2, movie, 4.0, movie) for movie in range(1, 6)]  # 5: the newest, movie 1
    # 20: the newest two, movies 19 and 20
    rows += [(3, movie, 4.0, 100 - movie) for movie in range(1, 21)]
    exam = split_exam(ratings(rows), min_users=1_000, like_threshold=4.0)
    assert held_out_pairs(exam) == {(2, 1), (3, 19), (3, 20)}
    assert exam.users.tolist() == [2, 3]


def test_leave_newest_out_breaks_ties_of_time_by_movie_id():
    same_moment = ratings([(1, movie, 4.0, 7) for movie in (9, 3, 5, 1, 7)])
    assert same_moment.movie_ids[same_moment.movies[leave_newest_out(same_moment)]].tolist() == [9]


@pytest.mark.parametrize("seed", range(3))
def test_leave_newest_out_agrees_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    user, movie = np.divmod(rng.choice(40 * 60, size=900, replace=False), 60)
    data = Interactions.of(
        user, movie, np.full(900, 4.0), rng.integers(0, 50, 900), movie_ids=np.arange(60)
    )
    expected = np.zeros(len(data), dtype=bool)
    for position in range(len(data.user_ids)):
        own = sorted(
            np.flatnonzero(data.users == position),
            key=lambda row: (data.rated_at[row], data.movies[row]),
        )
        if len(own) >= 5:
            expected[own[-max(len(own) // 10, 1) :]] = True
    assert np.array_equal(leave_newest_out(data), expected)


def test_no_ratings_at_all_is_an_exam_that_nobody_decides():
    nothing = Interactions.of(
        np.array([], int),
        np.array([], int),
        np.array([]),
        np.array([], int),
        movie_ids=np.arange(3),
    )
    assert len(split_exam(nothing, min_users=1, like_threshold=4.0).users) == 0


def test_what_was_rated_before_the_cut_is_not_held_out_though_rated_again():
    exam = split_exam(TWO_WEEKS, min_users=1, like_threshold=4.0)
    then = ratings(
        [
            (1, 1, 5.0, week_old(9)),
            (1, 2, 1.0, week_old(9)),
            (3, 5, 2.0, week_old(9)),
            (4, 7, 3.0, week_old(9)),
        ]
    )
    moved = exam.with_train(then)
    assert held_out_pairs(moved) == {(3, 4), (4, 5)}  # 1 had rated 2 before, and 4 had rated 7
    assert moved.train.interactions() is then
    assert moved.users.tolist() == [4]  # 1 has no held-out rating left, 4 now has a training rating
    less = ratings([(1, 1, 5.0, week_old(9)), (3, 5, 2.0, week_old(9))])
    assert exam.with_train(less).users.tolist() == [1]
