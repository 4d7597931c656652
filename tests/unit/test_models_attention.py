"""How much a user attends to each like, beside the formula and beside the network that learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.graph.attention import (
    AttentionEncoder,
    AttentionNetwork,
    GraphAttentionConfig,
)
from recsys.models.graph.propagation import LikesGraph
from recsys.models.neural import repeatable

N_USERS, N_MOVIES, SIZE = 30, 12, 4


def likes() -> Interactions:
    rng = np.random.default_rng(0)
    users, movies = np.nonzero(rng.random((N_USERS, N_MOVIES)) < 0.4)
    stars = np.full(len(users), 5.0)
    return Interactions.of(users, movies, stars, users * 0, movie_ids=np.arange(N_MOVIES))


@pytest.fixture
def network() -> AttentionNetwork:
    """One whose attention has learned something: drawn weights."""
    with repeatable(Compute(threads=1)):
        graph = LikesGraph(likes(), torch.device("cpu"))
        net = AttentionNetwork(graph, GraphAttentionConfig(factors=SIZE))
        with torch.no_grad():
            net.movies.normal_()
            net.attend.normal_()
    return net


@pytest.fixture
def encoder(network: AttentionNetwork) -> AttentionEncoder:
    with torch.no_grad():
        in_histories, _ = network.propagate()
    return AttentionEncoder.of(network, in_histories.numpy())


@pytest.fixture
def histories() -> Histories:
    return likes().histories_of(np.arange(N_USERS))


def test_the_shares_of_a_users_likes_add_up_to_one(
    encoder: AttentionEncoder, histories: Histories
) -> None:
    weights = encoder.weights(histories, threads=1)
    shares = weights / np.sqrt(histories.lengths)[histories.users]
    totals = np.bincount(histories.users, shares, N_USERS)
    np.testing.assert_allclose(totals[histories.lengths > 0], 1, rtol=1e-5)
    assert np.ptp(shares[histories.users == 0]) > 0.01, "some say more than others"


def test_without_attention_all_likes_weigh_the_same(
    encoder: AttentionEncoder, histories: Histories
) -> None:
    indifferent = replace(encoder, attend=np.zeros(SIZE, dtype=np.float32))
    equal = 1 / np.sqrt(histories.lengths)[histories.users]
    np.testing.assert_allclose(indifferent.weights(histories, threads=1), equal, rtol=1e-6)


def test_a_share_is_the_softmax_of_a_key_and_the_users_query(encoder: AttentionEncoder) -> None:
    """GATv2: a · LeakyReLU(key + query), a slope of 0.2 below 0 (Brody et al. 2022)."""
    liked = np.array([1, 4, 7])
    stars = np.full(3, 5.0)
    one = Interactions.of(liked * 0, liked, stars, liked * 0, movie_ids=np.arange(N_MOVIES))
    query = encoder.query @ (encoder.liked[liked].sum(axis=0) / np.sqrt(3))
    inner = encoder.keys[liked] + query
    logits = np.where(inner > 0, inner, 0.2 * inner) @ encoder.attend
    expected = np.exp(logits) / np.exp(logits).sum() * np.sqrt(3)
    weights = encoder.weights(one.histories_of(np.array([0])), threads=1)
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_what_answers_is_what_learned(
    network: AttentionNetwork, encoder: AttentionEncoder, histories: Histories
) -> None:
    dense = torch.from_numpy(histories.csr(np.ones(len(histories.movies))).toarray()).float()
    with torch.no_grad():
        expected = network.users(dense, network.propagate()[0]).numpy()
    np.testing.assert_allclose(encoder.vectors(histories, threads=1), expected, atol=1e-5)
