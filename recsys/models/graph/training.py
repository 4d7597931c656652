"""How networks over the graph learn: they find the hidden part of users' likes by the rest."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.graph.config import GraphConfig
from recsys.models.graph.propagation import LikesGraph
from recsys.models.neural import (
    Batch,
    BatchSizes,
    Ratings,
    Step,
    Trainer,
    device_of,
    sampled_softmax,
)

__all__ = ["GraphNetwork", "GraphTrainer"]

#: A score that no softmax sees.
NO_SCORE = -1e9


class GraphNetwork(nn.Module, ABC):
    """Users' vectors, made of the movies that they liked, meet movies' vectors in a product."""

    def __init__(self, graph: LikesGraph) -> None:
        super().__init__()
        self.graph = graph

    @abstractmethod
    def propagate(self) -> tuple[Tensor, Tensor]:
        """Return what a movie is in a history (M, h), and the vector (M, k) that users' meet."""

    @abstractmethod
    def users(self, history: Tensor, liked: Tensor) -> Tensor:
        """(B, k) of users by `history` (B, C), 1 where the user liked the movie, and what C movies
        are in one (C, h).
        """

    def forward(self, history: Tensor, movies: Tensor) -> Tensor:
        """(B, C) scores by `history` (B, C) over movie positions (C,)."""
        liked, vectors = self.propagate()
        return self.users(history, liked[movies]) @ vectors[movies].T


class GraphTrainer(Trainer[Batch]):
    """In each step, part of the likes of some users is hidden, and the network finds it among all
    movies, or a sample of them, by the rest: as it is asked later, for movies that a history lacks.
    """

    def __init__(
        self, net: GraphNetwork, likes: Interactions, config: GraphConfig, compute: Compute
    ) -> None:
        device = device_of(compute)
        self.config = config
        self.compute = compute
        self.net = net.to(device)
        sizes = BatchSizes(config.users_a_batch, config.sampled_movies)
        self.data = Ratings(likes, sizes, device)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        n_steps = config.epochs * math.ceil(likes.shape[0] / config.users_a_batch)
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.0, n_steps)

    def batches(self) -> Iterator[Batch]:
        return self.data.shuffled()

    def step(self, batch: Batch) -> Step:
        is_kept = torch.rand(len(batch.rows)) >= self.config.history_dropout
        history = batch.dense(is_kept.to(batch.rows.device).float())
        hidden = batch.dense(torch.ones_like(batch.ratings)) - history
        scores = self.net(history, batch.movies).masked_fill(history > 0, NO_SCORE)
        loss = sampled_softmax(scores, hidden, batch.log_chance)
        return Step(loss, figure=loss)

    def after_step(self) -> None:
        self.schedule.step()

    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        return {"loss": float(torch.stack(list(figures)).mean())}
