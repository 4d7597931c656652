"""EASE beside the formula of its paper, in plain numpy."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from recsys.errors import ModelError
from recsys.features.interactions import Interactions
from recsys.models import ease
from recsys.models.base import Compute
from recsys.models.ease import EASE, EASEConfig
from tests.contracts.worlds import catalogue_of, checkerboard, train_on

DAY = 86_400


def random_train(n_users: int = 50, n_movies: int = 30, *, seed: int = 0) -> Interactions:
    """A third of all pairs rated; nobody rated the last movie, and all dislike the one before."""
    rng = np.random.default_rng(seed)
    users, movies = np.nonzero(rng.random((n_users, n_movies - 1)) < 0.3)
    stars = rng.integers(1, 6, len(users)).astype(float)
    stars[movies == n_movies - 2] = 1.0
    rated_at = rng.integers(0, 1_000, len(users)) * DAY
    return Interactions.of(
        users + 10, movies + 100, stars, rated_at, movie_ids=np.arange(n_movies) + 100
    )


def fitted(train: Interactions, **settings: Any) -> EASE:
    return EASE(EASEConfig(**settings), Compute(threads=1)).fit(
        train_on(train), catalogue_of(train.movie_ids)
    )


def entries(train: Interactions, rating_weight: float) -> np.ndarray:
    """(U, M): 1 for four stars, 1 + rating_weight for five, 0 for anything else."""
    stars = train.csr().toarray()
    return np.where(stars >= 4, 1 + rating_weight * (stars - 4), 0.0)


def paper(x: np.ndarray, regularization: float) -> np.ndarray:
    gram = x.T @ x
    squares = np.diag(gram)
    inverse = np.linalg.inv(
        gram + regularization * (squares**2).sum() / squares.sum() * np.eye(len(gram))
    )
    weights = np.eye(len(gram)) - inverse / np.diag(inverse)
    return weights - np.diag(np.diag(weights))


@pytest.mark.parametrize("rating_weight", [0.0, 1.5])
@pytest.mark.parametrize("at_once", [4, 512])
def test_scores_are_those_of_the_papers_formula(
    rating_weight: float, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "MOVIES_AT_ONCE", at_once)
    train = random_train()
    x = entries(train, rating_weight)
    has_rated, liked = x.any(axis=1), x.any(axis=0)
    scores = fitted(train, rating_weight=rating_weight, regularization=0.5).score_block(
        train.histories_of(train.user_ids)
    )
    np.testing.assert_allclose(
        scores[np.ix_(has_rated, liked)],
        x[np.ix_(has_rated, liked)] @ paper(x[:, liked], 0.5),
        atol=1e-5,
    )
    assert liked.sum() == 28
    assert (scores[:, ~liked] == -np.inf).all()
    assert (scores[~has_rated] == -np.inf).all()


def test_single_precision_is_enough_with_movies_that_are_much_alike() -> None:
    rng = np.random.default_rng(1)
    x = (rng.random((2_000, 40)) < np.geomspace(0.9, 0.01, 40)).astype(float)
    x[:, 1] = x[:, 0]  # two movies that the same people like
    x[rng.integers(2_000), 1] = 0
    users, movies = np.nonzero(x)
    train = Interactions.of(
        users, movies, np.full(len(users), 5.0), users * 0, movie_ids=np.arange(40)
    )
    weights = fitted(train, rating_weight=0, regularization=0.01).weights_
    np.testing.assert_allclose(weights, paper(x, 0.01), atol=1e-3)


def test_no_movie_speaks_for_itself() -> None:
    assert (np.diagonal(fitted(random_train()).weights_) == 0).all()


def test_twice_the_users_give_the_same_weights() -> None:
    """λ grows with the data, so that a setting keeps its meaning."""
    train = random_train()
    twice = Interactions.of(
        np.concatenate([train.user_ids[train.users], train.user_ids[train.users] + 1_000]),
        np.tile(train.movie_ids[train.movies], 2),
        np.tile(train.ratings, 2),
        np.tile(train.rated_at, 2),
        movie_ids=train.movie_ids,
    )
    np.testing.assert_allclose(fitted(twice).weights_, fitted(train).weights_, atol=1e-6)


@pytest.mark.parametrize("at_once", [4, 512])
def test_the_largest_weights_of_each_movie_are_kept(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "MOVIES_AT_ONCE", at_once)
    train = random_train()
    dense = fitted(train).weights_
    kept = fitted(train, neighbours=3).weights_
    assert sparse.issparse(kept)
    limit = -np.sort(-np.abs(dense), axis=0)[2]
    np.testing.assert_array_equal(kept.toarray(), np.where(np.abs(dense) >= limit, dense, 0))


def test_an_old_like_of_ones_own_counts_less_and_the_weights_stay() -> None:
    train = Interactions.of(
        np.array([1, 1, 1, 2, 2, 2]),
        np.array([10, 20, 30, 10, 20, 30]),
        np.array([4.0, 4.0, 2.0, 4.0, 4.0, 4.0]),
        # the first user's newest is no like; two of the second's are of one time
        np.array([80, 99, 100, 5, 0, 5]) * DAY,
        movie_ids=np.array([10, 20, 30]),
    )
    plain, fading = fitted(train), fitted(train, history_half_life=1.0)
    histories = train.histories_of(train.user_ids)
    faded = [[0.5, 1, 0], [0.5, 0.25, 1]] @ fading.weights_
    np.testing.assert_allclose(fading.score_block(histories), faded, rtol=1e-5)
    np.testing.assert_array_equal(fading.weights_, plain.weights_)
    np.testing.assert_allclose(
        plain.score_block(histories), [[1, 1, 0], [1, 1, 1]] @ plain.weights_, rtol=1e-5
    )


def test_only_the_most_liked_movies_are_modelled_where_that_is_asked() -> None:
    train = random_train()
    counts = (entries(train, 0) > 0).sum(axis=0)
    scores = fitted(train, max_movies=5).score_block(train.histories_of(train.user_ids))
    scored = np.isfinite(scores).any(axis=0)
    assert scored.sum() == 5
    assert counts[scored].min() >= counts[~scored].max()


def test_too_large_a_matrix_is_refused_before_it_is_made() -> None:
    count = 2_000
    train = Interactions.of(
        np.arange(count),
        np.arange(count),
        np.full(count, 5.0),
        np.zeros(count),
        movie_ids=np.arange(count),
    )
    tracemalloc.start()
    with pytest.raises(
        ModelError,
        match=r"2,000 liked movies need a matrix of 0\.016 GB; max_memory_gb is 0\.01:.*at most "
        r"1,581",
    ):
        EASE(EASEConfig(max_memory_gb=0.01)).fit(train_on(train), None)  # type: ignore[arg-type]
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_the_inverse_takes_the_place_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MOVIES_AT_ONCE", 64)
    count = 600
    square = np.eye(count, dtype=np.float32) * 3 + 0.001
    expected = np.linalg.inv(square.astype(np.float64))
    tracemalloc.start()
    ease.invert(square)
    assert tracemalloc.get_traced_memory()[1] < square.nbytes
    tracemalloc.stop()
    np.testing.assert_allclose(square, expected, atol=1e-6)


def test_what_rounding_spoils_is_said() -> None:
    with pytest.raises(
        ModelError, match="2 movies can't be inverted; expected a larger regularization"
    ):
        ease.invert(np.ones((2, 2), dtype=np.float32) * 3)


def test_a_single_movie_scores_nothing() -> None:
    train = Interactions.of(
        np.array([1]), np.array([10]), np.array([5.0]), np.array([0]), movie_ids=np.array([10])
    )
    assert fitted(train).score_block(train.histories_of(np.array([1, 2]))).tolist() == [
        [0.0],
        [-np.inf],
    ]


def test_without_a_like_there_is_nothing_to_fit() -> None:
    world = checkerboard()
    world.ratings.ratings[:] = 3.0
    with pytest.raises(ModelError, match=r"none of 480 ratings is a like \(at least 4\.0\)"):
        EASE().fit(world.train, world.catalogue)
