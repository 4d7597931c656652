"""Histories: the ratings of the users asked about, in their order."""

import numpy as np

from recsys.features.interactions import Interactions

RATINGS = Interactions.of(
    np.array([7, 7, 7, 8, 9, 9]),
    np.array([10, 20, 40, 30, 10, 30]),
    np.array([5.0, 1.0, 4.0, 2.0, 4.5, 3.0]),
    np.array([100, 300, 200, 50, 80, 70]),
    movie_ids=np.array([10, 20, 30, 40]),
)
#: Out of order, one of them twice, and a stranger.
HISTORIES = RATINGS.histories_of(np.array([9, 1, 7, 9]))


def test_they_are_in_the_order_of_the_users() -> None:
    assert HISTORIES.lengths.tolist() == [2, 0, 3, 2]
    assert HISTORIES.users.tolist() == [0, 0, 2, 2, 2, 3, 3]
    assert HISTORIES.movies.tolist() == [0, 2, 0, 1, 3, 0, 2]
    assert HISTORIES.ratings.tolist() == [4.5, 3.0, 5.0, 1.0, 4.0, 4.5, 3.0]


def test_neighbours_are_a_part_of_the_interactions() -> None:
    of_all = RATINGS.histories_of(RATINGS.user_ids)
    assert np.shares_memory(of_all.ratings, RATINGS.ratings)
    assert of_all.movies.tolist() == RATINGS.movies.tolist()


def test_the_newest_rating_of_a_stranger_is_0() -> None:
    assert HISTORIES.newest.tolist() == [80, 0, 300, 80]


def test_users_stay_who_lose_their_ratings() -> None:
    likes = HISTORIES.where(HISTORIES.ratings >= 4.5)
    assert likes.lengths.tolist() == [1, 0, 1, 1]
    assert likes.rated_at.tolist() == [80, 100, 80]


def test_some_users_are_taken_by_place_or_mask() -> None:
    by_place = HISTORIES.rows(np.array([2, 1]))
    assert by_place.lengths.tolist() == [3, 0]
    assert by_place.movies.tolist() == [0, 1, 3]
    by_mask = HISTORIES.rows(HISTORIES.lengths == 2)
    assert by_mask.movies.tolist() == [0, 2, 0, 2]


def test_a_matrix_has_a_row_a_user() -> None:
    assert HISTORIES.csr(HISTORIES.ratings).toarray().tolist() == [
        [4.5, 0, 3, 0],
        [0, 0, 0, 0],
        [5, 1, 0, 4],
        [4.5, 0, 3, 0],
    ]
    assert HISTORIES.seen().sum() == 7
