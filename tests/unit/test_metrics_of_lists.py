"""Metrics over lists and exposure, against figures worked out by hand."""

import math

import numpy as np
import pytest

from recsys.evaluation.lists import Lists, unit_vectors
from recsys.evaluation.metrics.fallback_share import fallback_share
from recsys.evaluation.metrics.gini import gini
from recsys.evaluation.metrics.intra_list_diversity import intra_list_diversity
from recsys.evaluation.metrics.novelty import novelty
from recsys.evaluation.metrics.popularity_lift import popularity_lift
from recsys.features.interactions import Interactions
from recsys.features.raters import Raters

# eight known users; of four movies the first was rated by all, the next by four, then by one, and
# the last by nobody
RATERS = np.array([8, 4, 1, 0])
# nobody knows the last one's
GENRES = unit_vectors(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]]))


def lists(
    *positions: list[int], own: list[float] | None = None, genres: np.ndarray | None = GENRES
) -> Lists:
    return Lists(np.array(positions), RATERS, 8, np.array(own or [np.nan] * len(positions)), genres)


def test_novelty_is_in_bits():
    assert novelty(lists([0, -1])) == (0.0, 1)
    assert novelty(lists([1, -1])) == (1.0, 1)
    assert novelty(lists([0, 2])) == (1.5, 1)  # (0 + 3) / 2
    assert novelty(lists([0, 2], [1, -1], [-1, -1])) == (1.25, 2)  # an empty list has none


def test_a_movie_that_nobody_rated_is_as_new_as_one_that_one_user_did():
    assert novelty(lists([3])) == novelty(lists([2])) == (3.0, 1)


def test_users_without_a_list_are_the_fallbacks():
    assert fallback_share(lists([0, 1], [-1, -1], [2, -1], [-1, -1])) == (0.5, 4)
    assert fallback_share(lists([0, -1])) == (0.0, 1)
    value, n = fallback_share(Lists(np.zeros((0, 2), dtype=np.int64), RATERS, 8, np.zeros(0)))
    assert math.isnan(value)
    assert n == 0


def test_novelty_without_a_list():
    value, n = novelty(lists([-1, -1]))
    assert math.isnan(value)
    assert n == 0


def test_diversity_is_one_less_the_mean_cosine_of_pairs():
    assert intra_list_diversity(lists([0, 2])) == (1.0, 1)
    assert intra_list_diversity(lists([0, 1])) == (pytest.approx(1 - 1 / math.sqrt(2)), 1)
    of_three = 1 - (1 / math.sqrt(2) + 0 + 0) / 3
    assert intra_list_diversity(lists([0, 1, 2], [0, 2, -1])) == (
        pytest.approx((of_three + 1) / 2),
        2,
    )


def test_a_movie_without_genres_is_in_no_pair():
    assert intra_list_diversity(lists([0, 3, 2])) == (1.0, 1)
    # the catalogue's end is no neighbour of a list's end
    value, n = intra_list_diversity(lists([0, 3], [-1, 2]))
    assert math.isnan(value)
    assert n == 0


def test_diversity_is_not_told_without_genres():
    value, n = intra_list_diversity(lists([0, 1], genres=None))
    assert math.isnan(value)
    assert n == 0


def test_lift_is_of_the_groups_means():
    assert popularity_lift(lists([0, 1], own=[3.0])) == (1.0, 1)  # 6 over 3: twice as popular
    assert popularity_lift(lists([0, 1], [2, -1], own=[2.0, 8.0])) == (
        pytest.approx((3.5 - 5) / 5),
        2,
    )


def test_lift_is_of_users_with_a_list_and_a_history():
    value = popularity_lift(lists([0, 1], [0, 1], [-1, -1], own=[3.0, np.nan, 5.0]))
    assert value == (1.0, 1)
    nobody, n = popularity_lift(lists([0, 1], [-1, -1], own=[np.nan, 5.0]))
    assert math.isnan(nobody)
    assert n == 0


def test_gini_of_exposure():
    assert gini(np.array([2, 2])) == 0.0
    assert gini(np.array([0, 0, 2, 0])) == 0.75  # one of four has it all
    assert gini(np.array([1, 2])) == pytest.approx((2 - 1) / (2 * 3))
    assert math.isnan(gini(np.array([0, 0])))


def test_exposure_counts_lists_and_no_ended_one():
    assert lists([0, 1], [1, -1], [-1, -1]).exposure().tolist() == [1, 2, 0, 0]


def test_lists_have_the_facts_of_the_training_ratings():
    user, movie = np.array([1, 1, 2, 4]), np.array([10, 30, 30, 20])
    train = Interactions.of(
        user, movie, np.full(4, 3.0), np.zeros(4), movie_ids=np.array([10, 20, 30, 40])
    )
    lists = Lists.of(
        np.array([[40, 10], [30, -1]]), train.seen_by(np.array([1, 3])), Raters.of(train)
    )
    assert lists.positions.tolist() == [[3, 0], [2, -1]]
    assert lists.raters.tolist() == [1, 1, 2, 0]
    assert lists.n_users == 3
    assert lists.own_raters[0] == 1.5
    assert np.isnan(lists.own_raters[1])  # a stranger
    assert lists.of_users(np.array([1])).cut_at(1).positions.tolist() == [[2]]
