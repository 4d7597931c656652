"""Matrix factorisations of stars: what they learn, beside the textbook's formulas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.factors import SVD, SVDPP, FactorsConfig, SVDPPConfig
from recsys.models.factors.equations import Regressions
from recsys.models.factors.priors import Implicit, Prior, draw_wishart
from recsys.models.factors.ranking import SingularVectors
from tests.contracts.worlds import catalogue_of, crowd, train_on

SMALL: dict[str, Any] = {"factors": 4, "ranking_factors": 8, "warm_up": 4, "draws": 8}


def fitted(train: Interactions, *, seed: int = 1, threads: int = 1, **settings: Any) -> SVD:
    model = SVD(FactorsConfig(**SMALL | settings), Compute(seed=seed, threads=threads))
    return model.fit(train_on(train), catalogue_of(train.movie_ids))


def tastes(n_users: int = 300, n_movies: int = 60) -> tuple[Interactions, Interactions]:
    """Stars of two tastes, noise of a quarter star: three quarters of the pairs to learn from, the
    others held out. Half of all pairs are rated.
    """
    rng = np.random.default_rng(3)
    users, movies = np.nonzero(rng.random((n_users, n_movies)) < 0.5)
    inner = np.einsum(
        "rk,rk->r", rng.normal(size=(n_users, 2))[users], vectors_of(n_movies)[movies]
    )
    stars = (3 + inner + rng.normal(size=len(users)) / 4).clip(0.5, 5)
    held_out = rng.random(len(users)) < 0.25
    return ratings_of(users, movies, stars, ~held_out), ratings_of(users, movies, stars, held_out)


def vectors_of(n_movies: int) -> np.ndarray:
    return np.random.default_rng(4).normal(size=(n_movies, 2)) * 0.7


def ratings_of(
    users: np.ndarray, movies: np.ndarray, stars: np.ndarray, mask: np.ndarray
) -> Interactions:
    ids = np.arange(60) + 100
    columns = (users[mask] + 10, movies[mask] + 100, stars[mask], users[mask] * 0)
    return Interactions.of(*columns, movie_ids=ids)


def rmse_of(model: SVD, held_out: Interactions, histories: Interactions) -> float:
    stars = model.predict(held_out.row_user_ids, held_out.row_movie_ids, histories)
    return float(np.sqrt(np.mean((stars - held_out.ratings) ** 2)))


def test_stars_of_two_tastes_are_predicted_to_little_more_than_their_noise() -> None:
    train, held_out = tastes()
    model = fitted(train, warm_up=20, draws=20)
    spread = float(held_out.ratings.std())
    assert spread > 0.8
    assert rmse_of(model, held_out, train) < 0.32


def test_a_person_who_came_after_the_fit_is_rated_for_as_well() -> None:
    train, held_out = tastes()
    is_old = train.user_ids[:200]
    model = fitted(train.where(train.is_of(is_old)), warm_up=20, draws=20)
    new = held_out.where(~held_out.is_of(is_old))
    assert rmse_of(model, new, train) < 0.36


def test_the_mean_over_draws_is_better_than_a_draw() -> None:
    train, held_out = tastes()
    one, many = (fitted(train, warm_up=20, draws=n) for n in (1, 20))
    assert rmse_of(many, held_out, train) < rmse_of(one, held_out, train)


def two_camps(n_users: int = 200) -> Interactions:
    """A camp's users rate the camp's 20 movies at random, and give of the last 20 movies 5 stars to
    every other one and 1 to the rest; the other camp the other way round.
    """
    rng = np.random.default_rng(5)
    users = np.repeat(np.arange(n_users), 18)
    own = [rng.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(n_users)]
    contested = [rng.choice(20, 10, replace=False) + 40 for _ in range(n_users)]
    movies = np.concatenate([np.hstack(pair) for pair in zip(own, contested, strict=True)])
    stars = np.where(
        movies < 40, rng.integers(1, 6, len(movies)), np.where(movies % 2 == users % 2, 5, 1)
    )
    return ratings_of(users, movies, stars.astype(float), np.ones(len(users), dtype=bool))


@pytest.mark.parametrize("raters", [True, False])
def test_what_is_rated_at_all_says_what_is_liked(*, raters: bool) -> None:
    train = two_camps()
    stars = np.tile([2.0, 4.0], 8)
    new = ratings_of(np.repeat([9, 10], 8), np.r_[:8, 20:28], stars, stars > 0)
    svd = fitted(train, warm_up=10, draws=10)
    config = SVDPPConfig(**SMALL | {"warm_up": 10, "draws": 10, "raters": raters})
    svdpp = SVDPP(config, Compute(seed=1, threads=1))
    svdpp.fit(train_on(train), catalogue_of(train.movie_ids))
    users, contested = np.repeat([19, 20], 20), np.tile(np.arange(20) + 140, 2)
    truth = np.where(contested % 2 == (users - 19) % 2, 5, 1)
    by_stars, by_choice = (model.predict(users, contested, new) for model in (svd, svdpp))
    off_by_stars, off_by_choice = (np.abs(stars - truth).mean() for stars in (by_stars, by_choice))
    assert off_by_choice < 0.6
    assert off_by_stars > 2 * off_by_choice


def test_a_row_is_the_posterior_mean_of_its_regression() -> None:
    rng = np.random.default_rng(0)
    _, everyone = crowd()
    histories = everyone.histories_of(np.array([*everyone.user_ids[:40], -1]))
    inputs, root = rng.normal(size=(histories.n_movies, 3)), rng.normal(size=(3, 3))
    precision = root @ root.T + np.eye(3)
    values, means = rng.normal(size=len(histories.movies)), rng.normal(size=(41, 3))
    regressions = Regressions(histories, inputs, precision, trust=1.7)
    solved = regressions.solve(values, means, threads=2)
    for row, mean in enumerate(means):
        rows = slice(histories.starts[row], histories.starts[row + 1])
        own = inputs[histories.movies[rows]]
        left = precision + 1.7 * own.T @ own
        right = precision @ mean + 1.7 * own.T @ values[rows]
        np.testing.assert_allclose(solved[row], np.linalg.solve(left, right), rtol=1e-9)
    np.testing.assert_array_equal(solved[-1], means[-1])


def test_noise_has_the_covariance_that_the_precision_says() -> None:
    precision = np.array([[2.0, 0.6], [0.6, 1.0]])
    noise = Prior(np.zeros(2), precision).noise(200_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(noise.T), np.linalg.inv(precision), atol=0.02)


def test_wishart_draws_have_their_mean() -> None:
    rng = np.random.default_rng(0)
    scale = np.array([[1.0, 0.3], [0.3, 0.5]])
    draws = [draw_wishart(np.linalg.inv(scale), 7, rng) for _ in range(20_000)]
    np.testing.assert_allclose(np.mean(draws, axis=0), 7 * scale, atol=0.06)


def test_a_prior_is_drawn_around_vectors_that_are_many() -> None:
    rng = np.random.default_rng(0)
    covariance = np.array([[0.5, 0.2], [0.2, 0.3]])
    vectors = rng.multivariate_normal([1.0, -2.0], covariance, size=50_000)
    prior = Prior.draw(vectors, rng)
    np.testing.assert_allclose(prior.mean, [1, -2], atol=0.02)
    np.testing.assert_allclose(np.linalg.inv(prior.precision), covariance, atol=0.02)


def test_what_choices_add_is_a_ridge_regression() -> None:
    rng = np.random.default_rng(0)
    chosen = sparse.csr_matrix(rng.random((50, 12)) * (rng.random((50, 12)) < 0.3))
    implicit = Implicit(chosen, 2)
    implicit.penalty = 0.5
    right = rng.normal(size=(12, 2))
    dense = chosen.toarray()
    expected = np.linalg.solve(dense.T @ dense + 0.5 * np.eye(12), right)
    np.testing.assert_allclose(implicit.solve(right), expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_ranks_are_projections_on_singular_vectors(power: float) -> None:
    rng = np.random.default_rng(2)
    likes = sparse.csr_matrix((rng.random((80, 30)) < 0.2).astype(float))
    vectors = SingularVectors.of(likes, 6, power, seed=0)
    scale = np.maximum(likes.getnnz(axis=0), 1) ** -power
    _, _, right = np.linalg.svd(likes.toarray() * scale, full_matrices=False)
    projection = right[:6].T @ right[:6]
    expected = likes.toarray() * scale @ projection / scale
    np.testing.assert_allclose(likes @ vectors.liked @ vectors.movies.T, expected, atol=1e-4)


def test_the_number_of_threads_changes_no_byte_of_a_fit() -> None:
    train, _ = tastes()
    one, two = (fitted(train, threads=n).state() for n in (1, 2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_another_seed_draws_others() -> None:
    train, _ = tastes()
    one, two = (fitted(train, seed=seed).stars_.movies for seed in (1, 2))
    assert not np.array_equal(one, two)


def test_strangers_and_unknown_movies_get_what_is_usual() -> None:
    train, _ = tastes()
    model = fitted(train)
    stars = model.predict(np.array([-1, -1]), np.array([100, -1]), train)
    assert np.abs(stars - train.ratings.mean()).max() < 1
    assert stars.dtype == np.float32


def test_pairs_in_parts_are_rated_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    train, held_out = tastes()
    model = fitted(train)
    pairs = (held_out.row_user_ids, held_out.row_movie_ids)
    whole = model.predict(*pairs, train)
    monkeypatch.setattr("recsys.models.factors.stars.PAIRS", 7)
    assert model.predict(*pairs, train).tobytes() == whole.tobytes()


def test_a_saved_model_says_the_same_stars(tmp_path: Path) -> None:
    train, held_out = tastes()
    model = fitted(train)
    model.save(tmp_path)
    pairs = (held_out.row_user_ids, held_out.row_movie_ids)
    assert SVD.load(tmp_path).predict(*pairs, train).tobytes() == (
        model.predict(*pairs, train).tobytes()
    )


def test_without_ratings_a_user_is_what_the_prior_says() -> None:
    train, _ = tastes()
    model = fitted(train)
    nobody = train.histories_of(np.array([-1]))
    draw = next(iter(model.stars_.draws()))
    np.testing.assert_array_equal(model.stars_.fold_in(nobody, draw, 1)[0], draw.prior.mean)
