"""ALS: what its settings mean to the library, and what it has not learned."""

import numpy as np
import pytest
from pydantic import ValidationError

from recsys.errors import ModelError
from recsys.models.als import ALS, ALSConfig
from recsys.models.base import Compute
from recsys.models.top_n import EXACT_WIDTH
from tests.contracts.worlds import checkerboard, skewed

DAY = 86_400


def test_the_solver_gets_the_papers_settings_in_the_librarys_terms() -> None:
    model = ALS(ALSConfig(unobserved_weight=0.5, regularization=0.1), Compute(seed=7, threads=1))
    solver = model.solver(30, 10, n_likes=50)
    assert solver.alpha == 3  # 1 + 1 / 0.5
    # λ (1 + 1/w) × the mean over 40 vectors of the weight they are fitted to: twice 50 likes and
    # 300 pairs of weight 0.5
    assert solver.regularization == pytest.approx(0.1 * 3 * 2 * (50 + 150) / 40)
    assert (solver.random_state, solver.num_threads) == (7, 1)


def test_five_stars_weigh_more_than_four() -> None:
    weights = ALS().confidence(np.array([4.0, 5.0, 5.0, 4.0]), age_seconds=np.arange(4) * DAY)
    assert weights[1] == pytest.approx(2 * weights[0])
    assert weights.mean() == pytest.approx(1)


def test_what_a_star_adds_is_a_setting() -> None:
    ratings = np.array([4.0, 5.0, 4.5])
    alike, twice = (
        ALS(ALSConfig(rating_weight=w)).confidence(ratings, age_seconds=np.zeros(3)) for w in (0, 2)
    )
    np.testing.assert_array_equal(alike, 1)
    np.testing.assert_allclose(twice / twice[0], [1, 3, 2])


def test_vectors_are_no_longer_than_their_products_add_exactly() -> None:
    assert ALSConfig(factors=EXACT_WIDTH).factors == EXACT_WIDTH
    with pytest.raises(ValidationError, match="less than or equal to 512"):
        ALSConfig(factors=EXACT_WIDTH + 1)


def test_a_likes_confidence_is_half_after_each_half_life_where_one_is_set() -> None:
    model = ALS(ALSConfig(recency_half_life_days=10))
    weights = model.confidence(np.full(3, 4.0), age_seconds=np.array([0, 10, 30]) * DAY)
    assert (weights / weights[0]).tolist() == pytest.approx([1, 0.5, 0.125])
    assert weights.mean() == pytest.approx(1)


def test_a_like_is_as_old_as_the_newest_rating_says_liked_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = checkerboard()
    world.train.ratings[np.argmax(world.train.rated_at)] = 1.0
    world.train.rated_at[np.argmax(world.train.rated_at)] += 1_000 * DAY
    ages = []
    monkeypatch.setattr(
        ALS,
        "confidence",
        lambda self, ratings, *, age_seconds: ages.append(age_seconds) or ratings,
    )
    ALS(ALSConfig(factors=8), Compute(threads=1)).fit(world.train, world.catalogue)
    assert ages[0].min() >= 1_000 * DAY


def test_recency_changes_who_is_believed() -> None:
    world = checkerboard()
    plain, recent = (
        ALS(ALSConfig(factors=8, recency_half_life_days=days), Compute(threads=1)).fit(
            world.train, world.catalogue
        )
        for days in (None, 10)
    )
    assert not np.array_equal(plain.user_factors_, recent.user_factors_)


def test_a_movie_that_nobody_liked_is_never_recommended() -> None:
    world = checkerboard()
    model = ALS(ALSConfig(factors=8), Compute(threads=1)).fit(world.train, world.catalogue)
    top = model.recommend(world.train.user_ids[:3], n=len(world.catalogue))
    assert not np.isin(world.catalogue.movie_ids[-2:], top.ids).any()


def test_a_user_who_liked_nothing_is_not_known() -> None:
    train = skewed(hated=True).train
    only_hates = train.users == 0
    train.ratings[only_hates] = 1.0
    model = ALS(ALSConfig(factors=8), Compute(threads=1)).fit(train, skewed().catalogue)
    assert model.knows(train.user_ids[:2]).tolist() == [False, True]


def test_the_number_of_threads_does_not_change_the_factors() -> None:
    world = checkerboard()
    one, two = (
        ALS(ALSConfig(factors=8), Compute(threads=n)).fit(world.train, world.catalogue).state()
        for n in (1, 2)
    )
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_without_a_like_there_is_nothing_to_fit() -> None:
    world = checkerboard()
    world.train.ratings[:] = 3.0
    with pytest.raises(ModelError, match=r"none of 480 ratings is a like \(at least 4\.0\)"):
        ALS().fit(world.train, world.catalogue)
