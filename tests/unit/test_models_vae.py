"""The variational autoencoder: its networks beside what users get of them later, its loss by hand,
and whose turn it is in an epoch.
"""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from recsys.models.base import Compute
from recsys.models.neural.computing import repeatable
from recsys.models.vae import VAEConfig
from recsys.models.vae.encoder import LikesEncoder
from recsys.models.vae.networks import SHARES, WIDE, Autoencoder, Prior
from recsys.models.vae.training import VAETrainer
from tests.contracts.worlds import World, checkerboard, crowd, train_on

COMPUTE = Compute(seed=1, threads=1, device="cpu")
RECVAE: dict[str, Any] = {"layers": 3, "prior": "composite", "alternating": True}
SMALL: dict[str, Any] = RECVAE | {"size": 6, "width": 10, "users_a_batch": 16}


def trainer(world: World, **settings: Any) -> VAETrainer:
    return VAETrainer(world.train, VAEConfig(**(SMALL | settings)), COMPUTE)


def weights_of(module: torch.nn.Module) -> list[bytes]:
    return [part.detach().numpy().tobytes() for part in module.parameters()]


@pytest.mark.parametrize("settings", [{}, {"layers": 1}, {"decoder_width": 5}])
def test_a_users_vector_is_what_the_trained_network_makes(settings: dict[str, Any]) -> None:
    world, _ = crowd(300, 90)
    ranker = trainer(world, **settings)
    with repeatable(COMPUTE):
        ranker.epoch()
    ratings = world.ratings.where(world.ratings.ratings >= 4)
    likes = ratings.histories_of(ranker.user_ids)
    encoder = LikesEncoder.of(ranker.net, ranker.liked, world.ratings.shape[1])
    scores = encoder.vectors(likes, threads=1) @ ranker.movie_vectors().T
    with torch.no_grad():
        expected = ranker.scores(torch.arange(len(ranker.user_ids)))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_vector_without_a_like_is_that_of_the_others() -> None:
    world, everyone = crowd(300, 90)
    ranker = trainer(world)
    likes = everyone.where(everyone.ratings >= 4).histories_of(everyone.user_ids[:20])
    encoder = LikesEncoder.of(ranker.net, ranker.liked, world.ratings.shape[1])
    rows = np.arange(len(likes.movies))
    without = encoder.vectors_without(likes, rows, threads=1)
    for row in rows:
        others = encoder.vectors(likes.where(rows != row), threads=1)
        np.testing.assert_allclose(without[row], others[likes.users[row]], atol=1e-5)


def test_the_composite_prior_is_the_mixture_of_the_paper() -> None:
    config = VAEConfig(**SMALL)
    torch.manual_seed(1)
    net = Autoencoder(20, config)
    prior = Prior(net.encoder, config)
    likes = (torch.rand(4, 20) < 0.3).float()
    latent = torch.randn(4, config.size)
    with torch.no_grad():
        mean, log_variance = (part.numpy() for part in net.encoder.eval()(likes))
        values = prior.log_likelihood(likes, latent)
    parts = [
        norm.pdf(latent, 0, 1),
        norm.pdf(latent, mean, np.exp(log_variance / 2)),
        norm.pdf(latent, 0, np.exp(WIDE / 2)),
    ]
    mixture = sum(share * part for share, part in zip(SHARES, parts, strict=True))
    np.testing.assert_allclose(values, np.log(mixture), rtol=1e-4, atol=1e-5)


def test_the_prior_remembers_the_encoder_of_the_epoch_before() -> None:
    ranker = trainer(checkerboard(), alternating=False)
    assert ranker.prior.before is not None
    first = weights_of(ranker.prior.before)
    with repeatable(COMPUTE):
        ranker.epoch()
    assert weights_of(ranker.prior.before) == weights_of(ranker.net.encoder) != first


def test_encoder_and_decoder_take_turns_with_and_without_dropout() -> None:
    ranker = trainer(checkerboard())
    learn, turns = ranker.learn, []

    def watched(batch: torch.Tensor) -> torch.Tensor:
        before = weights_of(ranker.net.encoder), weights_of(ranker.net.movies)
        figure = learn(batch)
        after = weights_of(ranker.net.encoder), weights_of(ranker.net.movies)
        changed = tuple(old != new for old, new in zip(before, after, strict=True))
        turns.append((*changed, ranker.net.encoder.training))
        return figure

    ranker.learn = watched
    with repeatable(COMPUTE):
        ranker.epoch()
    n_batches = len(turns) // 4
    of_encoder, of_decoder = (True, False, True), (False, True, False)
    assert turns == [of_encoder] * (3 * n_batches) + [of_decoder] * n_batches


def test_what_the_prior_weighs_grows_with_likes_or_with_epochs() -> None:
    likes = torch.tensor([[1.0, 0, 0], [1, 1, 1]])
    by_likes = trainer(checkerboard(), beta_per_like=0.01)
    np.testing.assert_allclose(by_likes.beta(likes), [0.01, 0.03])
    growing = trainer(checkerboard(), beta_per_like=None, beta=0.4, growth_epochs=4)
    values = []
    for epoch in range(6):
        growing.n_epochs = epoch
        values.append(growing.beta(likes))
    np.testing.assert_allclose(values, [0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_the_loss_of_a_step_is_the_weighted_bound() -> None:
    """Where nothing is drawn and the prior weighs nothing, a softmax's cross-entropy is left."""
    ranker = trainer(checkerboard(), beta_per_like=0.0, dropout=0.0)
    with torch.no_grad():
        ranker.net.encoder.log_variance.weight.zero_()
        ranker.net.encoder.log_variance.bias.fill_(-80.0)
        batch = torch.arange(5)
        loss = ranker.step(batch).loss
        likes = ranker.likes.dense(batch)
        expected = -(torch.log_softmax(ranker.scores(batch), dim=1) * likes).sum(1).mean()
    torch.testing.assert_close(loss, expected)


def test_movies_that_nobody_likes_are_in_no_network() -> None:
    world = checkerboard()
    ratings = world.ratings
    ratings.ratings[ratings.movies == 3] = 1.0
    ranker = VAETrainer(train_on(ratings), VAEConfig(**SMALL), COMPUTE)
    assert ranker.liked.tolist() == [movie for movie in range(18) if movie != 3]
    encoder = LikesEncoder.of(ranker.net, ranker.liked, 20)
    assert not encoder.first[[3, 18, 19]].any()
