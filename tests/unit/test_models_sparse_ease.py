"""Sparse EASE beside EASE, and beside least squares over the chosen movies."""

from typing import Any

import numpy as np
import pytest

from recsys.errors import ModelError
from recsys.features.interactions import Interactions
from recsys.models import sparse_ease
from recsys.models.base import Compute
from recsys.models.ease import EASE, EASEConfig
from recsys.models.sparse_ease import SparseEASE, SparseEASEConfig
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


@pytest.mark.parametrize("at_once", [4, 64])
def test_with_all_weights_it_is_ease(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_ease, "MOVIES_SOLVED_AT_ONCE", at_once)
    monkeypatch.setattr(sparse_ease, "MOVIES_AT_ONCE", at_once)
    train = random_train()
    settings = {"rating_weight": 0.5, "regularization": 0.3}
    model = fitted(train, neighbours=N_MOVIES, **settings)
    ease = EASE(EASEConfig(**settings), Compute(threads=1))  # pyright: ignore[reportArgumentType]
    ease.fit(train_on(train), catalogue_of(train.movie_ids))
    np.testing.assert_array_equal(model.modelled_, ease.modelled_)
    np.testing.assert_allclose(model.weights_.toarray(), ease.weights_, atol=1e-5)
    histories = train.histories_of(train.user_ids)
    np.testing.assert_allclose(model.score_block(histories), ease.score_block(histories), atol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_few_weights_are_the_ridge_over_the_movies_liked_most_together(exponent: float) -> None:
    train = random_train()
    x = likes_of(train, 1.0)
    squares = (x**2).sum(axis=0)
    penalty = 0.4 * (squares**2).sum() / squares.sum()
    model = fitted(train, neighbours=3, regularization=0.4, popularity_exponent=exponent)
    weights = model.weights_.toarray()
    for movie in range(len(squares)):
        closeness = x.T @ x[:, movie] / squares**exponent
        closeness[movie] = -1
        support = np.argsort(-closeness, kind="stable")[:3]
        padded = np.vstack([x[:, support], np.sqrt(penalty) * np.eye(3)])
        target = np.append(x[:, movie], np.zeros(3))
        expected = np.zeros(len(squares))
        expected[support] = np.linalg.lstsq(padded, target)[0]
        np.testing.assert_allclose(weights[:, movie], expected, atol=1e-5)


def test_movies_with_fewer_neighbours_than_others_have_what_there_is() -> None:
    train = random_train(share=0.08)
    model = fitted(train, neighbours=10, regularization=1e-6)
    counts = np.diff(model.weights_.tocsc().indptr)
    assert 0 < counts.min() < counts.max() <= 10
    assert np.isfinite(model.weights_.data).all()


def test_no_more_weights_than_neighbours_are_kept() -> None:
    model = fitted(random_train(), neighbours=4)
    assert (np.diff(model.weights_.tocsc().indptr) == 4).all()


def test_without_a_like_there_is_nothing_to_fit() -> None:
    world = checkerboard()
    world.ratings.ratings[:] = 3.0
    with pytest.raises(ModelError, match=r"none of 480 ratings is a like \(at least 4\.0\)"):
        SparseEASE().fit(world.train, world.catalogue)
