"""How the hybrid's towers learn to rank: batches of users, a sampled softmax, an average of the
weights.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from recsys.features.train import Loaded
from recsys.models.base import Compute
from recsys.models.hybrid.config import HybridConfig
from recsys.models.hybrid.networks import Towers
from recsys.models.neural import (
    Batch,
    BatchSizes,
    Ranker,
    Ratings,
    Step,
    Validation,
    WeightAverage,
    device_of,
    repeatable,
    sampled_softmax,
)

__all__ = ["RankingTrainer"]


class RankingTrainer(Ranker[Batch]):
    """The towers, and the moving average of their weights, which gives the vectors in the end."""

    def __init__(self, train: Loaded, config: HybridConfig, compute: Compute) -> None:
        device = device_of(compute)
        self.config = config
        self.compute = compute
        self.like_threshold = train.like_threshold
        sizes = BatchSizes(config.users_a_batch, config.sampled_movies)
        self.data = Ratings(train.ratings, sizes, device)
        with repeatable(compute):
            self.net = Towers(train.ratings.shape[1], config.size, config.history_dropout).to(
                device
            )
        self.average = WeightAverage(self.net, config.average)
        self.optimizer = self.adam()

    def adam(self) -> torch.optim.AdamW:
        """Return an optimiser of the network."""
        return torch.optim.AdamW(
            self.net.parameters(),
            self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )

    def batches(self) -> Iterator[Batch]:
        return self.data.shuffled()

    def step(self, batch: Batch) -> Step:
        likes = self.likes(batch)
        loss = sampled_softmax(self.net(likes, batch.movies), likes, batch.log_chance)
        return Step(loss, figure=loss)

    def after_step(self) -> None:
        self.average.follow()

    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        return {"ranking_loss": float(torch.stack(list(figures)).mean())}

    def ndcg(self, validation: Validation) -> float:
        return validation.ndcg(self.user_vectors(), self.movie_vectors())

    def movie_vectors(self) -> np.ndarray:
        """Return (M, d + 1) float32: vectors, and the bias in the last column; those of unrated
        movies have learned nothing.
        """
        return self.average.mean.movies.weight.detach().cpu().numpy()

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """Return (U, d + 1) float32: vectors, and 1 in the last column."""
        parts = [self.vectors_of(batch) for batch in self.data.in_order()]
        vectors = np.concatenate(parts)
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])

    def vectors_of(self, batch: Batch) -> np.ndarray:
        """Return (B, d) of a batch's users."""
        return self.average.mean.user_tower(self.likes(batch), batch.movies).cpu().numpy()

    def likes(self, batch: Batch) -> Tensor:
        """Return (B, C) 1 where a user liked the movie, else 0."""
        return batch.dense((batch.ratings >= self.like_threshold).float())
