"""How the hybrid's towers learn to rank: batches of users, a sampled softmax, an average of the
weights.
"""

import copy
import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from recsys.features.train import Loaded
from recsys.models.base import Compute, Report
from recsys.models.hybrid.batches import Batch, Ratings
from recsys.models.hybrid.computing import device_of, repeatable
from recsys.models.hybrid.config import HybridConfig
from recsys.models.hybrid.networks import Towers
from recsys.models.hybrid.training import EpochReport, Step, Trainer
from recsys.models.hybrid.validation import Validation

__all__ = ["RankingTrainer", "enough_epochs", "sampled_softmax"]

log = logging.getLogger(__name__)


class RankingTrainer(Trainer[Batch]):
    """The towers, and the moving average of their weights, which gives the vectors in the end."""

    def __init__(self, train: Loaded, config: HybridConfig, compute: Compute) -> None:
        device = device_of(compute)
        self.config = config
        self.compute = compute
        self.like_threshold = train.like_threshold
        self.data = Ratings(train.ratings, config, device)
        with repeatable(compute):
            self.net = Towers(train.ratings.shape[1], config.size, config.history_dropout).to(
                device
            )
        self.average = copy.deepcopy(self.net).eval()
        self.optimizer = self.adam()
        self.n_steps = 0

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

    @torch.no_grad()
    def after_step(self) -> None:
        self.n_steps += 1
        keep = min(self.config.average, self.n_steps / (self.n_steps + 9))
        for mean, now in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)

    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        return {"ranking_loss": float(torch.stack(list(figures)).mean())}

    def movie_vectors(self) -> np.ndarray:
        """Return (M, d + 1) float32: vectors, and the bias in the last column; those of unrated
        movies have learned nothing.
        """
        return self.average.movies.weight.detach().cpu().numpy()

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """Return (U, d + 1) float32: vectors, and 1 in the last column."""
        parts = [self.vectors_of(batch) for batch in self.data.in_order()]
        vectors = np.concatenate(parts)
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])

    def vectors_of(self, batch: Batch) -> np.ndarray:
        """Return (B, d) of a batch's users."""
        return self.average.user_tower(self.likes(batch), batch.movies).cpu().numpy()

    def likes(self, batch: Batch) -> Tensor:
        """Return (B, C) 1 where a user liked the movie, else 0."""
        return batch.dense((batch.ratings >= self.like_threshold).float())


def enough_epochs(train: Loaded, config: HybridConfig, compute: Compute, report: Report) -> int:
    """Return the epoch after which NDCG@10 on a slice of `train` was best; the last one where there
    is nothing to validate on.
    """
    validation = Validation.of(train.ratings, train.like_threshold)
    if validation is None:
        return config.max_epochs
    search = EpochSearch(config, validation, EpochReport("validation", report))
    slice_train = Loaded(validation.train, train.like_threshold)
    search.run(RankingTrainer(slice_train, config, compute))
    best = search.best_epoch, search.best, validation
    log.info("hybrid: best after %d epochs, NDCG@10 %.4f on %s", *best)
    return search.best_epoch


class EpochSearch:
    """The search for the epoch with the best NDCG@10 on a validation slice."""

    def __init__(self, config: HybridConfig, validation: Validation, epochs: EpochReport) -> None:
        self.config = config
        self.validation = validation
        self.epochs = epochs
        self.best = -1.0
        self.best_epoch = 0

    def run(self, trainer: RankingTrainer) -> None:
        """Train until no epoch of the last few was better."""
        with repeatable(trainer.compute):
            while not self.is_over():
                metrics = trainer.epoch()
                ndcg = self.validation.ndcg(trainer.user_vectors(), trainer.movie_vectors())
                self.epochs.add(metrics | {"validation_ndcg_at_10": ndcg})
                self.compare(ndcg)

    def is_over(self) -> bool:
        """Return whether the last epoch, or the last of patience, is behind."""
        epoch = self.epochs.epoch
        is_last = epoch >= self.config.max_epochs
        return is_last or epoch - self.best_epoch >= self.config.patience

    def compare(self, ndcg: float) -> None:
        """Remember the epoch where it was the best so far."""
        if ndcg > self.best:
            self.best = ndcg
            self.best_epoch = self.epochs.epoch


def sampled_softmax(scores: Tensor, likes: Tensor, log_chance: Tensor) -> Tensor:
    """Return the mean over all likes of −log softmax, where (B, C) scores are of a sample of the
    movies.

    Each movie's share of the sum is divided by its chance to be in the sample, so that the sum
    stands for the whole catalogue (log-q correction: Bengio & Senécal 2008; Yi et al. 2019). Likes
    of the batch's other users are the negatives.
    """
    corrected = scores - log_chance
    log_share = corrected - torch.logsumexp(corrected, dim=1, keepdim=True)
    return -(log_share * likes).sum() / likes.sum().clamp(min=1)
