"""ALS: what its settings mean to the library, and what it has not learned."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import sparse

from recsys.errors import ModelError
from recsys.features.histories import Histories
from recsys.models.als import ALS, ALSConfig
from recsys.models.base import Compute
from recsys.models.least_squares import Ridge, solve_users
from recsys.models.top_n import EXACT_WIDTH
from tests.contracts.worlds import checkerboard, crowd, skewed

DAY = 86_400


def test_the_solver_gets_the_papers_settings_in_the_librarys_terms() -> None:
    model = ALS(ALSConfig(unobserved_weight=0.5, regularization=0.1), Compute(seed=7, threads=1))
    likes = np.zeros((30, 10), dtype=np.float32)
    likes.ravel()[:50] = 1
    solver = model.solver(sparse.csr_matrix(likes))
    assert solver.alpha == 3  # 1 + 1 / 0.5
    # λ (1 + 1/w) × the mean over 40 vectors of the weight they are fitted to: twice 50 likes and
    # 300 pairs of weight 0.5
    assert solver.regularization == pytest.approx(0.1 * 3 * 2 * (50 + 150) / 40)
    assert (solver.random_state, solver.num_threads) == (7, 1)


def weights_of(ratings: list[float], ages: list[int] | None = None, **settings: Any) -> np.ndarray:
    """Weights of likes so many days before the newest rating."""
    model = ALS(ALSConfig(**settings))
    model.like_threshold_, model.newest_ = 4.0, np.array(1_000 * DAY)
    rated_at = model.newest_ - np.array(ages or [0] * len(ratings)) * DAY
    return model.weights(np.array(ratings), rated_at)


def test_five_stars_weigh_more_than_four() -> None:
    assert weights_of([4.0, 5.0, 5.0, 4.0], [0, 1, 2, 3]).tolist() == [1, 2, 2, 1]


def test_a_fit_is_given_weights_of_mean_one() -> None:
    world = skewed(hated=True)
    matrix = ALS().confidences(world.train)
    assert matrix.data.mean() == pytest.approx(1)


def test_what_a_star_adds_is_a_setting() -> None:
    alike, twice = (weights_of([4.0, 5.0, 4.5], rating_weight=w) for w in (0, 2))
    np.testing.assert_array_equal(alike, 1)
    np.testing.assert_allclose(twice, [1, 3, 2])


def test_vectors_are_no_longer_than_their_products_add_exactly() -> None:
    assert ALSConfig(factors=EXACT_WIDTH).factors == EXACT_WIDTH
    with pytest.raises(ValidationError, match="less than or equal to 512"):
        ALSConfig(factors=EXACT_WIDTH + 1)


def test_a_likes_confidence_is_half_after_each_half_life_where_one_is_set() -> None:
    weights = weights_of([4.0] * 3, [0, 10, 30], recency_half_life_days=10)
    assert weights.tolist() == pytest.approx([1, 0.5, 0.125])


def test_a_like_is_as_old_as_the_newest_rating_says_liked_or_not() -> None:
    world = checkerboard()
    world.ratings.ratings[np.argmax(world.ratings.rated_at)] = 1.0
    world.ratings.rated_at[np.argmax(world.ratings.rated_at)] += 1_000 * DAY
    model = ALS(ALSConfig(factors=8), Compute(threads=1)).fit(world.train, world.catalogue)
    assert model.newest_ == world.ratings.rated_at.max()


def test_recency_changes_who_is_believed() -> None:
    world = checkerboard()
    plain, recent = (
        ALS(ALSConfig(factors=8, recency_half_life_days=days), Compute(threads=1)).fit(
            world.train, world.catalogue
        )
        for days in (None, 10)
    )
    assert not np.array_equal(plain.movie_factors_, recent.movie_factors_)


def test_a_movie_that_nobody_liked_is_never_recommended() -> None:
    world = checkerboard()
    model = ALS(ALSConfig(factors=8), Compute(threads=1)).fit(world.train, world.catalogue)
    n = len(world.catalogue)
    top = model.recommend(world.ratings.user_ids[:3], n=n, histories=world.ratings)
    assert not np.isin(world.catalogue.movie_ids[-2:], top.ids).any()


def test_a_user_who_liked_nothing_is_not_known() -> None:
    world = skewed(hated=True)
    only_hates = world.ratings.users == 0
    world.ratings.ratings[only_hates] = 1.0
    model = ALS(ALSConfig(factors=8), Compute(threads=1)).fit(world.train, world.catalogue)
    users = world.ratings.histories_of(world.ratings.user_ids[:2])
    assert model.knows(users).tolist() == [False, True]


def test_a_user_is_the_exact_solution_given_the_movies() -> None:
    """By the formula of Hu, Koren & Volinsky, user by user."""
    world, everyone = crowd()
    model = ALS(ALSConfig(factors=8, recency_half_life_days=300), Compute(threads=2))
    model.fit(world.train, world.catalogue)
    histories = everyone.histories_of(everyone.user_ids)
    users, movies = model.vectors(histories)
    confidences = np.ones((len(users), len(movies)))
    likes = model.liked_movies(histories)
    weights = model.weights(likes.ratings, likes.rated_at) / model.mean_weight_
    confidences[likes.users, likes.movies] = model.alpha * weights
    preferences = confidences != 1
    for user in range(0, len(users), 50):
        weighted = movies * confidences[user][:, None]
        left = movies.T @ weighted + model.regularization_ * np.eye(8)
        expected = np.linalg.solve(left, weighted.T @ preferences[user])
        np.testing.assert_allclose(users[user], expected, rtol=2e-4, atol=1e-6)


def test_the_number_of_threads_does_not_change_the_factors() -> None:
    world = checkerboard()
    one, two = (
        ALS(ALSConfig(factors=8), Compute(threads=n)).fit(world.train, world.catalogue).state()
        for n in (1, 2)
    )
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_without_a_like_there_is_nothing_to_fit() -> None:
    world = checkerboard()
    world.ratings.ratings[:] = 3.0
    with pytest.raises(ModelError, match=r"none of 480 ratings is a like \(at least 4\.0\)"):
        ALS().fit(world.train, world.catalogue)


def test_no_movie_has_no_terms_though_the_last_movie_has() -> None:
    world = skewed()
    model = ALS(ALSConfig(factors=8), Compute(threads=1)).fit(world.train, world.catalogue)
    history = world.ratings.histories_of(world.ratings.user_ids[:1])
    last = len(world.catalogue) - 1
    explained = model.explain(history, np.array([[last, -1]]))
    assert explained.contributions[:, 0].any()
    assert not explained.contributions[:, 1].any()


@pytest.mark.parametrize("lowest", [0.05, 1.0])
def test_users_are_solved_exactly_at_any_confidence(lowest: float) -> None:
    """Faded likes, and a heavy weight of all other pairs, have confidences below 1."""
    draw = np.random.default_rng(3)
    ridge = Ridge(draw.normal(size=(30, 4)).astype(np.float32), 0.1)
    likes = Histories(
        starts=np.array([0, 3, 8, 8]),
        movies=np.array([1, 5, 9, 2, 3, 5, 20, 29], dtype=np.int32),
        ratings=np.full(8, 5, dtype=np.float32),
        rated_at=np.arange(8),
        n_movies=30,
    )
    confidences = draw.uniform(lowest, 3, 8)
    users = solve_users(likes, confidences, ridge, threads=1)
    for user in range(3):
        own = slice(likes.starts[user], likes.starts[user + 1])
        weights = np.ones(30)
        weights[likes.movies[own]] = confidences[own]
        right = ridge.exact[likes.movies[own]].T @ confidences[own]
        left = ridge.exact.T @ (weights[:, None] * ridge.exact) + 0.1 * np.eye(4)
        np.testing.assert_allclose(users[user], np.linalg.solve(left, right), rtol=1e-5, atol=1e-7)
