"""How neural collaborative filtering learns: batches of users, some of whose likes are foretold
from their others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recsys.features.histories import Histories
from recsys.features.train import Loaded
from recsys.models.base import Compute, silent
from recsys.models.ncf.config import MLPConfig, NCFConfig, TrainingConfig
from recsys.models.ncf.histories import unit_weights
from recsys.models.ncf.networks import Network, network_of
from recsys.models.neural import (
    Batch,
    BatchSizes,
    Ranker,
    Ratings,
    Step,
    Validation,
    WeightAverage,
    binary_cross_entropy,
    bpr,
    device_of,
    repeatable,
    sampled_softmax,
    tensor,
)
from recsys.models.recency import n_later_likes

__all__ = ["NCFTrainer", "new_trainer"]

#: Users whose scores are made at once for validation.
RANKED_AT_ONCE = 16

#: The score of a movie that is no candidate.
NO_CANDIDATE = -1e9


@dataclass(frozen=True)
class Question:
    """The question of a step about a batch of K likes: `inputs` (K,) are what those weigh that a
    user's vector is made of, `targets` (K,) what those count that are foretold from it. No like is
    both.
    """

    inputs: Tensor
    targets: Tensor


class NCFTrainer(Ranker[Batch]):
    """A network, and the moving average of its weights, which is what is kept."""

    def __init__(
        self, train: Loaded, config: TrainingConfig, compute: Compute, net: Network
    ) -> None:
        likes = train.ratings.likes(train.like_threshold)
        self.config = config
        self.compute = compute
        self.like_threshold = train.like_threshold
        self.device = device_of(compute)
        sizes = BatchSizes(config.users_a_batch, config.sampled_movies)
        self.data = Ratings(likes, sizes, self.device)
        self.n_later = tensor(n_later_likes(likes.histories_of(likes.user_ids)), self.device)
        self.n_later = self.n_later.float()
        self.liked = likes.n_raters > 0
        self.net = net.to(self.device)
        self.average = WeightAverage(self.net, config.average)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )

    def batches(self) -> Iterator[Batch]:
        return self.data.shuffled()

    def step(self, batch: Batch) -> Step:
        question = self.question(batch)
        weights = batch.dense(question.inputs)
        histories = weights / weights.square().sum(dim=1, keepdim=True).clamp(min=1e-9).sqrt()
        columns = self.scored_columns(len(batch.movies))
        scores = self.net(histories, batch.movies, batch.movies[columns])
        targets = batch.dense(question.targets)[:, columns]
        is_input = weights[:, columns] > 0
        loss = self.loss(scores, is_input, targets, batch.log_chance[columns])
        return Step(loss, figure=loss)

    def scored_columns(self, n_movies: int) -> Tensor:
        """Return which of a batch's movies are scored: all, or so few as a perceptron can be
        computed for. Those who are left out are neither targets nor negatives of the step, so that
        what is left is the softmax of the movies there are.
        """
        if isinstance(self.config, MLPConfig) and "mlp" in self.net.branches:
            drawn = torch.randperm(n_movies)[: self.config.scored_movies]
            return drawn.sort().values.to(self.device)
        return torch.arange(n_movies, device=self.device)

    def question(self, batch: Batch) -> Question:
        """Draw a question about a batch."""
        if self.config.history_half_life is None:
            hidden = torch.rand(len(batch.rows)).to(self.device) < self.config.hidden_share
            return Question((~hidden).float(), hidden.float())
        return self.question_in_order(batch, self.config.history_half_life)

    def question_in_order(self, batch: Batch, half_life: float) -> Question:
        """Draw a moment in each user's history: what was liked by then foretells what came after,
        which counts the less the later it came.
        """
        places = self.data.by_user.ratings_of(batch.users)[1]
        lengths = self.data.by_user.starts.diff()[batch.users]
        drawn = torch.rand(len(lengths)).to(self.device)
        n_after = (drawn * (lengths - 1)).floor() + 1
        age = self.n_later[places] - n_after[batch.rows]
        is_input = age >= 0
        newer = torch.exp2(-age.clamp(min=0) / half_life)
        inputs = is_input * (1 + self.config.newest_weight * newer)
        targets = ~is_input * torch.exp2((age + 1).clamp(max=0) / half_life)
        return Question(inputs, targets)

    def loss(self, scores: Tensor, is_input: Tensor, targets: Tensor, log_chance: Tensor) -> Tensor:
        """Return the loss of scores (B, S) by what a like counts as a target (B, S), 0 for none;
        what the user's vector is made of is neither that nor a negative.
        """
        scores = scores.masked_fill(is_input, NO_CANDIDATE)
        if self.config.loss == "softmax":
            return sampled_softmax(scores, targets, log_chance)
        rows, columns = torch.nonzero(targets, as_tuple=True)
        others = scores.masked_fill(targets > 0, NO_CANDIDATE)
        drawn = torch.randint(scores.shape[1], (len(rows), self.config.negatives))
        negatives = others[rows[:, None], drawn.to(self.device)]
        positives = scores[rows, columns][:, None]
        return (bpr if self.config.loss == "bpr" else binary_cross_entropy)(positives, negatives)

    def after_step(self) -> None:
        self.average.follow()

    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        return {"ranking_loss": float(torch.stack(list(figures)).mean())}

    def ndcg(self, validation: Validation) -> float:
        train = validation.train
        histories = train.histories_of(train.user_ids[validation.positions])
        scores = self.scores(histories.where(histories.ratings >= self.like_threshold))
        scores[:, ~self.liked] = -np.inf
        return validation.ndcg_of(scores)

    @torch.no_grad()
    def scores(self, likes: Histories) -> np.ndarray:
        """Return (B, M) float32 for the users of B histories."""
        matrix = likes.csr(unit_weights(likes, self.config))
        movies = torch.arange(likes.n_movies, device=self.device)
        scores = np.empty((len(likes), likes.n_movies), dtype=np.float32)
        for start in range(0, len(likes), RANKED_AT_ONCE):
            rows = slice(start, start + RANKED_AT_ONCE)
            histories = tensor(matrix[rows].toarray(), self.device)
            scores[rows] = self.average.mean(histories, movies, movies).cpu().numpy()
        return scores


def new_trainer(train: Loaded, config: TrainingConfig, compute: Compute) -> NCFTrainer:
    """Return one whose network has learned nothing, or each of whose branches has learned alone;
    the same each time.
    """
    with repeatable(compute):
        net = network_of(len(train.ratings.movie_ids), config)
    if isinstance(config, NCFConfig) and config.pretraining_epochs:
        for name in net.branches:
            net.take(name, pretrained(name, train, config, compute))
    return NCFTrainer(train, config, compute, net)


def pretrained(name: str, train: Loaded, config: NCFConfig, compute: Compute) -> Network:
    """Return a network of one of the branches, which has learned alone."""
    with repeatable(compute):
        net = network_of(len(train.ratings.movie_ids), config, only=name)
    trainer = NCFTrainer(train, config, compute, net)
    # of a validation's part of the ratings, and of all
    part = f"{name}-of-{len(train.ratings)}"
    trainer.run(config.pretraining_epochs, silent, part)
    return trainer.average.mean
