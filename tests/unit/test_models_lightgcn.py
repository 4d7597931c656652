"""LightGCN beside the formula of its paper, in plain numpy."""

from typing import Any

import numpy as np
import pytest
import torch

from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.graph import LightGCN, LightGCNConfig, propagation
from recsys.models.graph.lightgcn import LightGCNNetwork
from recsys.models.graph.propagation import LikesGraph
from tests.contracts.worlds import catalogue_of, train_on

CPU = torch.device("cpu")


def random_likes(n_users: int = 40, n_movies: int = 25) -> Interactions:
    """A third of all pairs liked; nobody rated the last movie."""
    rng = np.random.default_rng(0)
    users, movies = np.nonzero(rng.random((n_users, n_movies - 1)) < 0.3)
    stars, times = np.full(len(users), 5.0), np.zeros(len(users), dtype=np.int64)
    return Interactions.of(users, movies, stars, times, movie_ids=np.arange(n_movies))


def paper(likes: Interactions, movies: np.ndarray, n_layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Users' and movies' vectors: layers of the adjacency of both, summed, from users of 0."""
    liked = likes.csr().toarray() > 0
    n_users = len(liked)
    both = np.block(
        [
            [np.zeros((n_users, n_users)), liked],
            [liked.T, np.zeros((len(movies), len(movies)))],
        ]
    )
    scale = 1 / np.sqrt(np.maximum(both.sum(axis=0), 1))
    adjacency = scale[:, None] * both * scale
    layer = total = np.vstack([np.zeros((n_users, movies.shape[1])), movies])
    for _ in range(n_layers):
        layer = adjacency @ layer
        total = total + layer
    return total[:n_users], total[n_users:]


def fitted(likes: Interactions, **settings: Any) -> LightGCN:
    config = LightGCNConfig(factors=8, epochs=2, **settings)
    model = LightGCN(config, Compute(threads=1, device="cpu"))
    return model.fit(train_on(likes), catalogue_of(likes.movie_ids))


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_layers_are_those_of_the_paper_from_users_of_zero(n_layers: int) -> None:
    likes = random_likes()
    graph = LikesGraph(likes, CPU)
    network = LightGCNNetwork(graph, LightGCNConfig(factors=8, layers=n_layers))
    users, movies = paper(likes, network.movies.detach().numpy(), n_layers)
    history = torch.from_numpy((likes.csr().toarray() > 0).astype(np.float32))
    liked, vectors = network.propagate()
    scale = np.sqrt(likes.n_raters[likes.n_raters > 0].mean())
    np.testing.assert_allclose(network.users(history, liked).detach(), scale * users, atol=1e-5)
    np.testing.assert_allclose(vectors.detach(), movies, atol=1e-5)


def test_a_trained_user_is_encoded_as_in_training() -> None:
    likes = random_likes()
    model = fitted(likes, layers=3)
    users, movies = model.vectors(likes.histories_of(likes.user_ids))
    history = (likes.csr().toarray() > 0) / np.sqrt(likes.n_rated)[:, None]
    np.testing.assert_allclose(users, history @ model.history_vectors_, atol=1e-5)
    assert not movies[-1].any()


@pytest.mark.parametrize("speed", [0, 1e9])
def test_two_steps_and_their_gradient_are_products_dense_or_sparse(
    speed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "DENSE_SPEED", speed)
    likes = random_likes()
    graph = LikesGraph(likes, CPU)
    assert (graph.dense is None) == (speed == 0)
    liked = likes.csr().toarray() > 0
    degrees = np.maximum(np.outer(liked.sum(axis=1), liked.sum(axis=0)), 1)
    edges = liked / np.sqrt(degrees)
    movies = torch.randn(likes.shape[1], 3, requires_grad=True)
    onto = torch.randn(likes.shape[1], 3)
    steps = graph.two_steps(movies)
    steps.backward(onto)
    square = edges.T @ edges
    np.testing.assert_allclose(steps.detach(), square @ movies.detach().numpy(), atol=1e-5)
    assert movies.grad is not None
    np.testing.assert_allclose(movies.grad, square @ onto.numpy(), atol=1e-5)


def test_hidden_likes_are_found_better_with_every_epoch() -> None:
    losses = []
    model = LightGCN(
        LightGCNConfig(factors=8, epochs=15, users_a_batch=10),
        Compute(threads=1, device="cpu"),
    )
    likes = random_likes()
    model.fit(
        train_on(likes),
        catalogue_of(likes.movie_ids),
        report=lambda name, value, step: losses.append((name, value, step)),
    )
    assert [step for name, _, step in losses if name == "fit_loss"] == list(range(1, 16))
    assert losses[-1][1] < losses[0][1]
