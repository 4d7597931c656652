"""NGCF beside the formula of its paper, in plain numpy."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from recsys.models.base import Compute
from recsys.models.graph import NGCF, NGCFConfig
from recsys.models.graph.ngcf import SLOPE, NGCFEncoder, NGCFNetwork
from recsys.models.graph.propagation import LikesGraph
from tests.contracts.worlds import catalogue_of, crowd, train_on


def leaky(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, SLOPE * values)


def paper(network: NGCFNetwork, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Users' and movies' layers side by side, by normalised edges (U, M); users of layer 0 are the
    sum over their edges.
    """
    movies = network.movies.detach().numpy()
    users = edges @ movies
    of_users, of_movies = [users], [movies]
    for layer in network.layers:
        add, multiply = (part.detach().numpy().T for part in layer.parameters())
        to_users, to_movies = edges @ movies, edges.T @ users
        users = leaky((users + to_users) @ add + (users * to_users) @ multiply)
        movies = leaky((movies + to_movies) @ add + (movies * to_movies) @ multiply)
        of_users.append(users)
        of_movies.append(movies)
    return np.hstack(of_users), np.hstack(of_movies)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_layers_are_those_of_the_paper(n_layers: int) -> None:
    world, _ = crowd(n_users=320, n_movies=60)
    likes = world.ratings.likes(4.0)
    graph = LikesGraph(likes, torch.device("cpu"))
    network = NGCFNetwork(graph, NGCFConfig(factors=6, layers=n_layers))
    liked = likes.csr().toarray() > 0
    edges = liked / np.sqrt(np.outer(liked.sum(axis=1), np.maximum(liked.sum(axis=0), 1)))
    scale = np.sqrt(likes.n_raters[likes.n_raters > 0].mean())
    users, movies = paper(network, edges)
    in_histories, vectors = network.propagate()
    np.testing.assert_allclose(vectors.detach()[:, :-1], scale * movies, atol=1e-5)
    history = torch.from_numpy(liked.astype(np.float32))
    trained = network.users(history, in_histories).detach()
    np.testing.assert_allclose(trained[:, :-1], users, atol=1e-5)
    encoder = NGCFEncoder.of(network.layers, in_histories.detach().numpy())
    served = encoder.vectors(likes.histories_of(likes.user_ids), threads=1)
    np.testing.assert_allclose(served, trained, atol=1e-5)


def test_layers_that_are_too_long_together_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"factors 128 × \(layers 3 \+ 1\) is 512"):
        NGCFConfig(factors=128, layers=3)


def test_hidden_likes_are_found_better_with_every_epoch() -> None:
    losses = []
    world, _ = crowd(n_users=320, n_movies=60)
    NGCF(NGCFConfig(factors=8, epochs=6, users_a_batch=30), Compute(threads=1, device="cpu")).fit(
        train_on(world.ratings),
        catalogue_of(world.ratings.movie_ids),
        report=lambda _name, value, _step: losses.append(value),
    )
    assert len(losses) == 6
    assert losses[-1] < losses[0]
