"""The graph filter beside the papers' formulas, written densely."""

from math import factorial
from typing import Any

import numpy as np
import pytest

from recsys.features.interactions import Interactions
from recsys.models import graph_filter
from recsys.models.base import Compute
from recsys.models.graph_filter import Graph, GraphFilter, GraphFilterConfig
from tests.contracts.worlds import catalogue_of, train_on

N_USERS, N_MOVIES = 40, 15


def random_train() -> Interactions:
    """Two fifths of all pairs, one star or five; nobody likes the last movie."""
    rng = np.random.default_rng(0)
    users, movies = np.nonzero(rng.random((N_USERS, N_MOVIES)) < 0.4)
    stars = np.where(rng.random(len(users)) < 0.8, 5.0, 1.0)
    stars[movies == N_MOVIES - 1] = 1.0
    return Interactions.of(
        users + 10, movies + 100, stars, users * 0, movie_ids=np.arange(N_MOVIES) + 100
    )


def fitted(train: Interactions, *, threads: int = 1, **settings: Any) -> GraphFilter:
    model = GraphFilter(GraphFilterConfig(**settings), Compute(threads=threads))
    return model.fit(train_on(train), catalogue_of(train.movie_ids))


def reference(train: Interactions, *, user: float, movie: float) -> list[np.ndarray]:
    """The likes (U, m), how many each movie has, and dense P (m, m)."""
    likes = np.greater_equal(train.csr().toarray(), 4)[:, :-1].astype(float)
    of_users, of_movies = likes.sum(axis=1), likes.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        graph = np.nan_to_num(likes / of_users[:, None] ** user / of_movies**movie)
    linear = graph.T @ graph
    return [likes, of_movies, linear / np.linalg.eigvalsh(linear)[-1]]


def sharpened(filtered: np.ndarray, linear: np.ndarray, duration: float) -> np.ndarray:
    """One step of the classical Runge-Kutta method of dx/dt = −xP."""
    first = -filtered @ linear
    second = -(filtered + duration / 2 * first) @ linear
    third = -(filtered + duration / 2 * second) @ linear
    fourth = -(filtered + duration * third) @ linear
    return filtered + duration / 6 * (first + 2 * second + 2 * third + fourth)


@pytest.mark.parametrize("at_once", [4, 256])
@pytest.mark.parametrize("ideal_exponent", [0.3, 0.5])
@pytest.mark.parametrize("duration", [0.0, 0.7])
@pytest.mark.parametrize("factors", [3, N_MOVIES - 1])
def test_scores_are_those_of_the_papers_filters(
    factors: int,
    duration: float,
    ideal_exponent: float,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph_filter, "MOVIES_FILTERED_AT_ONCE", at_once)
    train = random_train()
    likes, counts, linear = reference(train, user=0.4, movie=0.6)
    values, vectors = np.linalg.eigh(linear)
    kept = vectors[:, -factors:]
    ideal = kept @ kept.T
    smooth = sharpened(linear, linear, duration)
    if factors < len(linear):  # beyond the smoothest signals, P by a factor
        slope = slope_by_hand(values[-factors], duration)
        smooth = ideal @ smooth + slope * (linear - ideal @ linear)
    model = fitted(
        train,
        user_exponent=0.4,
        movie_exponent=0.6,
        popularity_exponent=0.3,
        factors=factors,
        low_pass=0.5,
        low_pass_exponent=ideal_exponent,
        sharpening=duration,
    )
    expected = (likes / counts**0.3) @ smooth * counts**0.3
    ideal_scores = (likes / counts**ideal_exponent) @ sharpened(ideal, linear, duration)
    expected += 0.5 * ideal_scores * counts**ideal_exponent
    scores = model.score_block(train.histories_of(train.user_ids))
    is_known = np.asarray(likes.any(axis=1))
    is_other = is_known[:, None] & np.equal(likes, 0)  # than a movie of one's own
    np.testing.assert_allclose(scores[:, :-1][is_other], expected[is_other], atol=1e-4)
    assert (scores[:, -1] == -np.inf).all()


def slope_by_hand(largest: float, duration: float) -> float:
    """Least squares of λ sharpened by λ, over many λ."""
    values = np.linspace(0, largest, 100_001)
    left = sum((-duration * values) ** k / factorial(k) for k in range(5))
    return float((values**2 * left).sum() / (values**2).sum())


def test_the_largest_weights_to_each_movie_are_kept() -> None:
    train = random_train()
    dense = fitted(train).weights_.toarray()
    kept = fitted(train, neighbours=3).weights_.toarray()
    limit = -np.sort(-np.abs(dense), axis=0)[2]
    np.testing.assert_array_equal(kept, np.where(np.abs(dense) >= limit, dense, 0))


def test_threads_do_not_change_a_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_filter, "MOVIES_FILTERED_AT_ONCE", 2)
    one, two = (fitted(random_train(), threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.weights_.toarray(), two.weights_.toarray())


def test_the_smoothest_signals_are_the_first_singular_vectors() -> None:
    likes = random_train().likes(4.0).csr(None)
    likes.data = np.ones_like(likes.data)
    graph = Graph.of(likes[:, :-1], 0.5, 0.5)
    values, vectors = graph.smoothest(5)
    _, sizes, expected = np.linalg.svd(graph.by_user.toarray())
    np.testing.assert_allclose(values, sizes[:5], atol=1e-3)
    np.testing.assert_allclose(np.abs(vectors.T), np.abs(expected[:5]), atol=1e-3)


def test_signals_that_nothing_carries_are_left_out() -> None:
    users, movies = np.nonzero(np.kron(np.eye(2), np.ones((6, 4))))  # of rank 2
    train = Interactions.of(
        users, movies, np.full(len(users), 5.0), users * 0, movie_ids=np.arange(8)
    )
    graph = Graph.of(train.likes(4.0).csr(None), 0.5, 0.5)
    assert len(graph.smoothest(5)[0]) == 2
