"""Neighbours among movies beside the textbook's loops."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.errors import ModelError
from recsys.features.interactions import Interactions
from recsys.models import item_knn
from recsys.models.base import Compute
from recsys.models.item_knn import ItemKNN, ItemKNNConfig
from tests.contracts.worlds import catalogue_of, checkerboard, train_on

N_USERS, N_MOVIES = 25, 12


def random_train(seed: int = 0) -> Interactions:
    """Two fifths of all pairs rated; nobody rated the last movie, and all dislike the one
    before.
    """
    rng = np.random.default_rng(seed)
    users, movies = np.nonzero(rng.random((N_USERS, N_MOVIES - 1)) < 0.4)
    stars = rng.integers(1, 6, len(users)).astype(float)
    stars[movies == N_MOVIES - 2] = 1.0
    return Interactions.of(
        users + 10, movies + 100, stars, users * 0, movie_ids=np.arange(N_MOVIES) + 100
    )


def fitted(train: Interactions, **settings: Any) -> ItemKNN:
    return ItemKNN(ItemKNNConfig(**settings), Compute(threads=1)).fit(
        train_on(train), catalogue_of(train.movie_ids)
    )


def usual(stars: np.ndarray, rated: np.ndarray, damping: float) -> np.ndarray:
    """(U, M) mean plus the damped biases, by loops."""
    mean = stars[rated].mean()
    of_movie, of_user = np.zeros(stars.shape[1]), np.zeros(stars.shape[0])
    for m in range(stars.shape[1]):
        of_movie[m] = sum(stars[u, m] - mean for u in np.flatnonzero(rated[:, m])) / (
            rated[:, m].sum() + damping
        )
    for u in range(stars.shape[0]):
        rest = [stars[u, m] - mean - of_movie[m] for m in np.flatnonzero(rated[u])]
        of_user[u] = sum(rest) / (len(rest) + damping)
    return mean + of_user[:, None] + of_movie


def similarities(
    values: np.ndarray, present: np.ndarray, shrinkage: float, *, over_common: bool
) -> np.ndarray:
    """(M, M) positive damped cosines of the columns, by loops."""
    cosines = np.zeros((values.shape[1], values.shape[1]))
    for i in range(len(cosines)):
        for j in range(len(cosines)):
            both = present[:, i] & present[:, j]
            a, b = (
                (values[both, i], values[both, j]) if over_common else (values[:, i], values[:, j])
            )
            length = np.sqrt((a**2).sum() * (b**2).sum())
            if i != j and length > 0:
                cosines[i, j] = (
                    max(values[both, i] @ values[both, j] / length, 0)
                    * both.sum()
                    / (both.sum() + shrinkage)
                )
    return cosines


def strongest(cosines: np.ndarray, k: int) -> np.ndarray:
    """Of each column, the k largest; of equal ones, the first."""
    kept = np.zeros_like(cosines)
    for column in range(cosines.shape[1]):
        rows = np.argsort(-cosines[:, column].round(6), kind="stable")[:k]
        kept[rows, column] = cosines[rows, column]
    return kept


def reference(
    train: Interactions, kind: str, k: int, shrinkage: float, damping: float
) -> tuple[np.ndarray, ...]:
    stars = train.csr().toarray()
    liked, rated = np.greater_equal(stars, 4), np.greater(stars, 0)
    base = usual(stars, rated, damping)
    residuals = np.where(rated, stars - base, 0)
    if kind == "cosine":
        cosines = similarities(liked.astype(float), liked, shrinkage, over_common=False)
    else:
        cosines = similarities(residuals, rated, shrinkage, over_common=True)
    return base, residuals, rated, liked, strongest(cosines, k)


@pytest.mark.parametrize("at_once", [3, 512])
@pytest.mark.parametrize("kind", ["cosine", "adjusted cosine"])
def test_scores_are_sums_of_similarities_to_what_is_liked(
    kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_knn, "MOVIES_AT_ONCE", at_once)
    train = random_train()
    *_, liked, kept = reference(train, kind, k=4, shrinkage=2, damping=3)
    model = fitted(train, similarity=kind, neighbours=4, shrinkage=2, bias_damping=3)
    np.testing.assert_allclose(model.similarities_.toarray(), kept, atol=1e-5)
    scores = model.score_block(train.histories_of(train.user_ids))
    has_liked, scored = liked.any(axis=1), liked.any(axis=0)
    np.testing.assert_allclose(
        scores[np.ix_(has_liked, scored)], (liked @ kept)[np.ix_(has_liked, scored)], atol=1e-5
    )
    assert (scores[:, ~scored] == -np.inf).all()
    assert (scores[~has_liked] == -np.inf).all()
    assert not liked[:, -2:].any()


@pytest.mark.parametrize("kind", ["cosine", "adjusted cosine"])
def test_a_rating_is_the_usual_plus_the_mean_residual_of_rated_neighbours(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_knn, "PAIRS", 7)
    train = random_train()
    base, residuals, rated, _, kept = reference(train, kind, k=4, shrinkage=2, damping=3)
    expected = base.copy()
    for u, m in np.ndindex(*base.shape):
        weights = [kept[j, m] for j in np.flatnonzero(rated[u])]
        if sum(weights) > 0:
            expected[u, m] += sum(
                w * r for w, r in zip(weights, residuals[u, rated[u]], strict=True)
            ) / sum(weights)
    model = fitted(train, similarity=kind, neighbours=4, shrinkage=2, bias_damping=3)
    users, movies = (
        ids.ravel() for ids in np.meshgrid(train.user_ids, train.movie_ids, indexing="ij")
    )
    np.testing.assert_allclose(
        model.predict(users, movies, train), expected.clip(1, 5).ravel(), atol=1e-5
    )
    assert (np.abs(expected - base) > 0.1).sum() > 50


@pytest.mark.parametrize("shrinkage", [0, 3])
def test_pearson_is_the_correlation_over_the_users_in_common(shrinkage: float) -> None:
    train = random_train()
    stars = train.csr().toarray()
    expected = np.zeros((N_MOVIES, N_MOVIES))
    for i, j in np.ndindex(*expected.shape):
        a, b = stars[(stars[:, i] > 0) & (stars[:, j] > 0)][:, [i, j]].T
        if i != j and len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0:
            damping = (len(a) - 1) / (len(a) - 1 + shrinkage)
            expected[i, j] = max(np.corrcoef(a, b)[0, 1], 0) * damping
    model = fitted(train, similarity="pearson", shrinkage=shrinkage, neighbours=N_MOVIES)
    np.testing.assert_allclose(model.similarities_.toarray(), expected, atol=1e-5)
    assert (expected > 0).sum() >= 20


def test_pearson_baseline_is_the_adjusted_cosine_of_one_common_user_less() -> None:
    train = random_train()
    rated = train.csr().toarray() > 0
    common = rated.T.astype(float) @ rated
    adjusted, baseline = (
        fitted(train, similarity=kind, shrinkage=2, neighbours=N_MOVIES).similarities_.toarray()
        for kind in ("adjusted cosine", "pearson baseline")
    )
    less = np.maximum(common - 1, 0)
    expected = adjusted * (common + 2) / np.maximum(common, 1) * less / (less + 2)
    np.testing.assert_allclose(baseline, expected, atol=1e-5)
    assert (baseline < adjusted).sum() > 20


def test_strangers_and_unknown_movies_get_what_is_usual() -> None:
    train = random_train()
    model = fitted(train, similarity="adjusted cosine")
    stars = model.predict(np.array([-1, -1, 10]), np.array([100, -1, -1]), train)
    usual_stars = [
        model.mean_ + model.movie_bias_[0],
        model.mean_,
        model.mean_ + model.user_biases(train.histories_of(np.array([10])))[0],
    ]
    np.testing.assert_allclose(stars, np.clip(usual_stars, 1, 5), rtol=1e-6)
    assert stars.dtype == np.float32
    nobody = np.empty(0, dtype=np.int64)
    assert model.predict(nobody, nobody, train).shape == (0,)


def test_ratings_stay_within_what_was_seen() -> None:
    train = Interactions.of(
        np.repeat([1, 2, 3], 3),
        np.tile([10, 20, 30], 3),
        np.tile([5.0, 5.0, 2.0], 3),
        np.zeros(9),
        movie_ids=np.array([10, 20, 30]),
    )
    model = fitted(train, bias_damping=0)
    stars = model.predict(train.row_user_ids, train.row_movie_ids, train)
    assert stars.min() >= 2
    assert stars.max() <= 5


def test_a_rating_does_not_depend_on_what_else_is_asked_or_on_saving(tmp_path: Path) -> None:
    train = random_train()
    model = fitted(train, similarity="adjusted cosine", neighbours=5)
    users, movies = (
        ids.ravel() for ids in np.meshgrid(train.user_ids, train.movie_ids, indexing="ij")
    )
    together = model.predict(users, movies, train)
    model.save(tmp_path)
    loaded = ItemKNN.load(tmp_path, model.compute)
    alone = [loaded.predict(users[[pair]], movies[[pair]], train)[0] for pair in range(len(users))]
    np.testing.assert_array_equal(together, alone)


def test_few_users_in_common_count_less() -> None:
    """Movies 10 and 20 share one user, 30 and 40 share three: all are liked by the same people,
    pair by pair.
    """
    users, movies = np.array([1, 1, 2, 2, 3, 3, 4, 4]), np.array([10, 20, 30, 40, 30, 40, 30, 40])
    train = Interactions.of(
        users, movies, np.full(8, 5.0), np.zeros(8), movie_ids=np.array([10, 20, 30, 40])
    )
    cosines = fitted(train, shrinkage=3).similarities_.toarray()
    assert (cosines[0, 1], cosines[2, 3]) == pytest.approx((1 / 4, 3 / 6))


def test_who_liked_nothing_is_not_known_and_is_rated_for() -> None:
    train = random_train()
    train.ratings[train.users == 0] = 1.0
    model = fitted(train)
    assert model.knows(train.histories_of(train.user_ids[:2])).tolist() == [False, True]
    assert (
        model.predict(train.user_ids[:1], train.movie_ids[:1], train)[0]
        < model.mean_ + model.movie_bias_[0]
    )


def test_without_a_like_there_is_nothing_to_fit() -> None:
    world = checkerboard()
    world.ratings.ratings[:] = 3.0
    with pytest.raises(ModelError, match=r"none of 480 ratings is a like \(at least 4\.0\)"):
        ItemKNN().fit(world.train, world.catalogue)
