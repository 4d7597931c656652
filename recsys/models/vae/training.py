"""How the autoencoder learns: batches of users, all their likes, all movies that anybody likes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Loaded
from recsys.models.base import Compute
from recsys.models.neural import (
    Grouped,
    Ranker,
    Step,
    Validation,
    device_of,
    repeatable,
    tensor,
)
from recsys.models.vae.config import VAEConfig
from recsys.models.vae.networks import Autoencoder, Prior, log_normal

__all__ = ["VAETrainer"]

#: How often an alternating epoch trains the encoder, for once that it trains the decoder.
ENCODER_PASSES = 3


class VAETrainer(Ranker[Tensor]):
    """The network of the likes in `train`, over the m `liked` movies (positions, ascending).

    A batch is users by position among those who like something, (B,) int64.
    """

    def __init__(self, train: Loaded, config: VAEConfig, compute: Compute) -> None:
        likes = train.ratings.likes(train.like_threshold)
        self.config = config
        self.compute = compute
        self.device = device_of(compute)
        self.liked = np.flatnonzero(likes.n_raters)
        self.user_ids = likes.user_ids
        self.n_movies = len(likes.movie_ids)
        self.likes = Likes(likes, self.liked, self.device)
        with repeatable(compute):
            self.net = Autoencoder(len(self.liked), config).to(self.device)
        self.prior = Prior(self.net.encoder, config).to(self.device)
        self.of_encoder = self.adam(self.net.encoder)
        self.of_decoder = self.adam(self.net.inner, self.net.movies)
        # as it is after each epoch
        self.optimizer = self.of_decoder if config.alternating else self.adam(self.net)
        self.is_dropping = True
        self.n_epochs = 0

    def adam(self, *parts: torch.nn.Module | None) -> torch.optim.Adam:
        """Return an optimiser of parts of the network."""
        weights = [weight for part in parts if part is not None for weight in part.parameters()]
        return torch.optim.Adam(weights, self.config.learning_rate, fused=True)

    def epoch(self) -> dict[str, float]:
        if self.config.alternating:
            metrics = self.alternate()
        else:
            metrics = super().epoch()
            self.prior.follow(self.net.encoder)
        self.n_epochs += 1
        return metrics

    def alternate(self) -> dict[str, float]:
        """Train the encoder, whose end is the next prior, then the decoder."""
        self.train_encoder(True)
        for _ in range(ENCODER_PASSES):
            super().epoch()
        self.prior.follow(self.net.encoder)
        self.train_encoder(False)
        return super().epoch()

    def train_encoder(self, is_trained: bool) -> None:
        """Train the encoder alone, with dropout, or the decoder alone, without."""
        self.is_dropping = is_trained
        self.optimizer = self.of_encoder if is_trained else self.of_decoder
        self.net.requires_grad_(not is_trained)
        self.net.encoder.requires_grad_(is_trained)

    def state(self) -> dict[str, Any]:
        return super().state() | {"n_epochs": self.n_epochs}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.n_epochs = state["n_epochs"]

    def batches(self) -> Iterator[Tensor]:
        shuffled = torch.randperm(len(self.user_ids)).to(self.device)
        yield from shuffled.split(self.config.users_a_batch)

    def step(self, batch: Tensor) -> Step:
        likes = self.likes.dense(batch)
        mean, log_variance = self.net.encoder.train(self.is_dropping)(likes)
        latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        likelihood = (functional.log_softmax(self.net.decode(latent), dim=1) * likes).sum(1)
        own = log_normal(latent, mean, log_variance)
        divergence = (own - self.prior.log_likelihood(likes, latent)).sum(1)
        loss = (self.beta(likes) * divergence - likelihood).mean()
        return Step(loss, figure=loss)

    def beta(self, likes: Tensor) -> Tensor | float:
        """Return what the divergence of users (B,) weighs, of their likes (B, m)."""
        if self.config.beta_per_like is not None:
            return self.config.beta_per_like * likes.sum(1)
        grown = (self.n_epochs + 1) / max(self.config.growth_epochs, 1)
        return self.config.beta * min(grown, 1)

    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        return {"loss": float(torch.stack(list(figures)).mean())}

    @torch.no_grad()
    def ndcg(self, validation: Validation) -> float:
        users = index_of(self.user_ids, validation.train.user_ids[validation.positions])
        scores = np.full((len(users), self.n_movies), -np.inf, dtype=np.float32)
        rows = tensor(users, self.device).split(self.config.users_a_batch)
        scores[:, self.liked] = torch.cat([self.scores(part) for part in rows]).cpu().numpy()
        return validation.ndcg_of(scores)

    def scores(self, users: Tensor) -> Tensor:
        """Return (B, m) scores by the mean of the latent vector."""
        mean, _ = self.net.encoder.eval()(self.likes.dense(users))
        return self.net.decode(mean)

    def movie_vectors(self) -> np.ndarray:
        """Return (m, v + 1) float32: the decoder's last layer, and its bias in the last column."""
        weights = self.net.movies.weight.detach(), self.net.movies.bias.detach()[:, None]
        return torch.cat(weights, dim=1).cpu().numpy()


class Likes:
    """The likes of U users on a device: whose (U + 1,) `starts` where, of which of m movies."""

    def __init__(self, likes: Interactions, liked: np.ndarray, device: torch.device) -> None:
        self.by_user = Grouped(tensor(likes.starts.astype(np.int64), device))
        self.movies = tensor(index_of(liked, likes.movies), device)
        self.shape = len(likes.user_ids), len(liked)

    def dense(self, users: Tensor) -> Tensor:
        """Return (B, m): 1 for a like of the users (B,), else 0."""
        rows, places = self.by_user.ratings_of(users)
        matrix = torch.zeros(len(users), self.shape[1], device=users.device)
        matrix[rows, self.movies[places]] = 1
        return matrix
