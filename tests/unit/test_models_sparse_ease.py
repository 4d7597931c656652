"""Sparse EASE beside EASE, and beside least squares over the chosen movies."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from recsys.errors import ModelError
from recsys.features.interactions import Interactions
from recsys.models import sparse_ease
from recsys.models.base import Compute
from recsys.models.ease import EASE, EASEConfig
from recsys.models.sparse_ease import MOST_WEIGHTS, SparseEASE, SparseEASEConfig
from tests.contracts.worlds import catalogue_of, checkerboard, train_on

N_USERS, N_MOVIES = 80, 14


def random_train(share: float = 0.6) -> Interactions:
    """A share of all pairs, three to five stars; nobody likes the last movie."""
    rng = np.random.default_rng(3)
    users, movies = np.nonzero(rng.random((N_USERS, N_MOVIES)) < share)
    stars = rng.integers(3, 6, len(users)).astype(float)
    stars[movies == N_MOVIES - 1] = 1.0
    return Interactions.of(
        users + 10, movies + 100, stars, users * 0, movie_ids=np.arange(N_MOVIES) + 100
    )


def fitted(train: Interactions, **settings: Any) -> SparseEASE:
    model = SparseEASE(SparseEASEConfig(**settings), Compute(threads=1))
    return model.fit(train_on(train), catalogue_of(train.movie_ids))


def likes_of(train: Interactions, rating_weight: float) -> np.ndarray:
    """(U, m) of the liked movies."""
    stars = train.csr().toarray()[:, :-1].astype(np.float64)
    return np.where(stars >= 4, 1 + rating_weight * (stars - 4), 0.0)


@pytest.mark.parametrize("at_once", [50, 2_000])
def test_with_all_weights_it_is_ease(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_ease, "CANDIDATES_AT_ONCE", at_once)
    train = random_train()
    settings = {"rating_weight": 0.5, "regularization": 0.3}
    model = fitted(train, neighbours=4 * N_MOVIES, **settings)
    ease = EASE(EASEConfig(**settings), Compute(threads=1))  # pyright: ignore[reportArgumentType]
    ease.fit(train_on(train), catalogue_of(train.movie_ids))
    np.testing.assert_array_equal(model.modelled_, ease.modelled_)
    np.testing.assert_allclose(model.weights_.toarray(), ease.weights_, atol=1e-5)
    histories = train.histories_of(train.user_ids)
    np.testing.assert_allclose(model.score_block(histories), ease.score_block(histories), atol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_few_weights_are_the_ridge_over_the_largest_among_the_candidates(exponent: float) -> None:
    train = random_train()
    x = likes_of(train, 1.0)
    squares = (x**2).sum(axis=0)
    penalty = 0.4 * (squares**2).sum() / squares.sum()
    settings = {"regularization": 0.4, "popularity_exponent": exponent}
    model = fitted(train, neighbours=3, **settings)
    weights, n_weights = model.weights_.toarray(), model.n_weights(squares)
    for movie in range(len(squares)):
        closeness = x.T @ x[:, movie] / squares**exponent
        closeness[movie] = -1
        candidates = np.argsort(-closeness, kind="stable")[: 3 * n_weights[movie]]
        candidates = candidates[candidates != movie]
        sizes = np.abs(ridge(x, candidates, movie, penalty))
        largest = np.argsort(-sizes)[: n_weights[movie]]
        support = candidates[largest]
        expected = np.zeros(len(squares))
        expected[support] = ridge(x, support, movie, penalty)
        np.testing.assert_allclose(weights[:, movie], expected, atol=1e-5)


def ridge(x: np.ndarray, support: np.ndarray, movie: int, penalty: float) -> np.ndarray:
    """(k,) weights to a movie from its support (k,), by least squares."""
    damping = np.sqrt(penalty) * np.eye(len(support))
    target = np.append(x[:, movie], np.zeros(len(support)))
    return np.linalg.lstsq(np.vstack([x[:, support], damping]), target)[0]


def test_movies_with_fewer_neighbours_than_others_have_what_there_is() -> None:
    train = random_train(share=0.08)
    model = fitted(train, neighbours=10, regularization=1e-3)
    counts = np.diff(model.weights_.tocsc().indptr)
    assert 0 < counts.min() < counts.max() <= 10
    assert np.isfinite(model.weights_.data).all()


def test_a_movie_has_more_weights_the_more_it_is_liked() -> None:
    squares = np.array([1.0, 4.0, 16.0, 25.0])
    model = SparseEASE(SparseEASEConfig(neighbours=6))
    assert model.n_weights(squares).tolist() == [2, 4, 8, 10]
    assert model.n_weights(np.append(np.ones(10_000), 1e12)).tolist()[-1] == MOST_WEIGHTS
    assert model.n_weights(np.append(np.ones(10_000), 1e12)).tolist()[0] == 1


def test_without_a_like_there_is_nothing_to_fit() -> None:
    world = checkerboard()
    world.ratings.ratings[:] = 3.0
    with pytest.raises(ModelError, match=r"none of 480 ratings is a like \(at least 4\.0\)"):
        SparseEASE().fit(world.train, world.catalogue)


def test_the_fit_of_a_wide_catalogue_takes_a_small_part_of_eases_matrix() -> None:
    n_movies = 6_000
    rng = np.random.default_rng(4)
    users, movies = np.repeat(np.arange(3_000), 8), rng.integers(n_movies, size=24_000)
    _, once = np.unique(users * n_movies + movies, return_index=True)
    train = Interactions.of(
        users[once],
        movies[once],
        np.full(len(once), 5.0),
        np.zeros(len(once)),
        movie_ids=np.arange(n_movies),
    )
    model = SparseEASE(SparseEASEConfig(neighbours=20), Compute(threads=1))
    tracemalloc.start()
    model.fit(train_on(train), None)  # pyright: ignore[reportArgumentType]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    of_ease = 4 * len(model.modelled_) ** 2
    assert len(model.modelled_) > 5_500
    assert peak < 0.15 * of_ease
    assert sum(array.nbytes for array in model.state().values()) < 0.02 * of_ease
