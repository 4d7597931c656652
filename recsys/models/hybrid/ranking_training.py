"""How the hybrid's towers learn to rank: batches of users, a sampled softmax, an average of the
weights.
"""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from recsys.errors import ModelError
from recsys.features.interactions import Interactions
from recsys.models.base import Compute, Config, Search
from recsys.models.hybrid.networks import Towers
from recsys.models.top_n import EXACT_WIDTH

#: Of a vector: with a movie's bias, or with the constants of a rating, it still is one that
#: `dot_scores` adds exactly.
MAX_SIZE = EXACT_WIDTH - 2


class HybridConfig(Config):
    """Hyperparameters of the networks and of their training."""

    like_threshold: float = Field(default=4.0, description="a rating from here on is a like")
    size: int = Field(
        default=128,
        ge=1,
        le=MAX_SIZE,
        description="length of a user's and of a movie's vector, to rank",
    )
    content_decay: Annotated[float, Search(1, 300, log=True)] = Field(
        default=100.0, gt=0, description="ridge of the map from a movie's content to its vector"
    )
    content_likes: float = Field(
        default=0.0,
        ge=0,
        description="likes that content counts as in a rated movie's vector; an "
        "unrated one has nothing else",
    )
    history_dropout: Annotated[float, Search(0, 0.9)] = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="share of a user's likes hidden from the user tower in a step",
    )
    rating_size: int = Field(
        default=256,
        ge=1,
        le=MAX_SIZE,
        description="length of the autoencoder's inner vector, which stars come from",
    )
    rating_epochs: int = Field(
        default=20, ge=0, description="passes of the autoencoder over all rated movies"
    )
    rating_penalty: Annotated[float, Search(0.5, 20, log=True)] = Field(
        default=3.0,
        ge=0,
        description="weight of a user's mean squared weights beside the squared error in stars",
    )
    rating_learning_rate: Annotated[float, Search(2e-4, 1e-2, log=True)] = Field(
        default=2e-3, gt=0, description="of the autoencoder's Adam, at its highest"
    )
    movies_a_batch: int = Field(
        default=128, ge=1, description="movies of a training step of the autoencoder"
    )
    users_a_batch: int = Field(
        default=64, ge=1, description="users of a training step, with all their ratings"
    )
    sampled_movies: int = Field(
        default=4096,
        ge=1,
        description="movies drawn into each step beside those that its users rated",
    )
    learning_rate: Annotated[float, Search(5e-4, 2e-2, log=True)] = Field(
        default=3e-3, gt=0, description="of AdamW"
    )
    weight_decay: Annotated[float, Search(1e-2, 10, log=True)] = Field(
        default=1.0, ge=0, description="of AdamW"
    )
    average: float = Field(
        default=0.98,
        ge=0,
        lt=1,
        description="share that the weights' moving average keeps in a step",
    )
    max_epochs: int = Field(
        default=30,
        ge=1,
        description="epochs after which training stops even if it still gets better",
    )
    patience: int = Field(
        default=3,
        ge=1,
        description="epochs without a better validation NDCG@10 after which it stops",
    )


def device_of(compute: Compute) -> torch.device:
    """Where to compute. Raises ModelError where CUDA is asked for and there is none."""
    available = torch.cuda.is_available()
    if compute.device == "cuda" and not available:
        raise ModelError(
            "device is 'cuda', but torch found no CUDA device; expected one, or "
            "device 'auto' or 'cpu'"
        )
    return torch.device("cuda" if available and compute.device != "cpu" else "cpu")


@contextmanager
def repeatable(compute: Compute) -> Iterator[None]:
    """Fixed threads and seed, deterministic algorithms: the same fit gives the same bytes. What was
    set before comes back.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only so
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(compute.threads)
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory that it has not written
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    try:
        with torch.random.fork_rng():
            torch.manual_seed(compute.seed)
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


@dataclass(frozen=True)
class Batch:
    """B users (positions) with K ratings: `rows` (K,) and `columns` (K,) point into `users` (B,)
    and `movies` (C,).
    """

    users: Tensor
    movies: Tensor
    rows: Tensor
    columns: Tensor
    ratings: Tensor
    log_chance: Tensor  # (C,) log of the chance with which each movie came into the batch

    def dense(self, values: Tensor) -> Tensor:
        """(B, C) with the K values in their places, 0 elsewhere."""
        matrix = torch.zeros(len(self.users), len(self.movies), device=values.device)
        matrix[self.rows, self.columns] = values
        return matrix


class Ratings:
    """The ratings of all users on a device, cut into batches by index arithmetic."""

    def __init__(self, train: Interactions, config: HybridConfig, device: torch.device) -> None:
        self.n_users, self.n_movies = train.shape
        self.config = config
        self.device = device
        self.start = torch.from_numpy(train.starts.astype(np.int64)).to(device)
        self.movies = torch.from_numpy(train.movies.astype(np.int64)).to(device)
        self.ratings = torch.from_numpy(train.ratings).to(device)
        # an unrated movie is nobody's dislike
        self.rated = torch.from_numpy(np.flatnonzero(train.n_raters)).to(device)
        share_of_users = torch.from_numpy(train.n_raters).to(device) / max(self.n_users, 1)
        self.log_chance = self._log_chance(share_of_users)

    def _log_chance(self, share_of_users: Tensor) -> Tensor:
        """(M,) log chance that a movie is in a batch: rated by one of its users, or drawn."""
        if len(self.rated) <= self.config.sampled_movies:
            return torch.zeros(self.n_movies, device=self.device)
        not_drawn = 1 - self.config.sampled_movies / len(self.rated)
        not_rated = (1 - share_of_users.double()) ** min(self.config.users_a_batch, self.n_users)
        return torch.log1p(-not_rated * not_drawn).float()

    def epoch(self) -> Iterator[Batch]:
        """All users in a random order."""
        shuffled = torch.randperm(self.n_users).to(self.device)
        for users in shuffled.split(self.config.users_a_batch):
            yield self.batch(users, self._sample_movies())

    def _sample_movies(self) -> Tensor:
        n = self.config.sampled_movies
        if len(self.rated) <= n:
            return self.rated
        return self.rated[torch.randperm(len(self.rated))[:n].to(self.device)]

    def batch(self, users: Tensor, sample: Tensor) -> Batch:
        """Return the users with all their ratings, over the movies that they rated and the
        `sample`.
        """
        rows, places = self._ratings_of(users)
        rated = self.movies[places]
        movies = torch.unique(torch.cat([rated, sample]))
        columns = torch.searchsorted(movies, rated)
        return Batch(users, movies, rows, columns, self.ratings[places], self.log_chance[movies])

    def _ratings_of(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Return for K ratings of the users (B,): row among them (K,), and place among all ratings
        (K,).
        """
        starts = self.start[users]
        lengths = self.start[users + 1] - starts
        rows = torch.repeat_interleave(torch.arange(len(users), device=self.device), lengths)
        before = torch.cumsum(lengths, 0) - lengths
        number = torch.arange(len(rows), device=self.device) - before[rows]
        return rows, number + starts[rows]


class Trainer:
    """A network, its optimiser, and the moving average of its weights that is what is asked in the
    end.
    """

    def __init__(self, train: Interactions, config: HybridConfig, compute: Compute) -> None:
        device = device_of(compute)
        self.config = config
        self.data = Ratings(train, config, device)
        n_movies = train.shape[1]
        with repeatable(compute):
            self.net = Towers(n_movies, config.size, config.history_dropout).to(device)
        self.average = copy.deepcopy(self.net).eval()
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.steps = 0

    def epoch(self) -> dict[str, float]:
        """One pass over all users; the mean loss of its steps."""
        self.net.train()
        losses = [self._step(batch) for batch in self.data.epoch()]
        return {"ranking_loss": float(torch.stack(losses).mean())}

    def _step(self, batch: Batch) -> Tensor:
        loss = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._move_average()
        return loss.detach()

    def loss(self, batch: Batch) -> Tensor:
        """The ranking loss of a like."""
        likes = self._likes(batch)
        scores = self.net(likes, batch.movies)
        return sampled_softmax(scores, likes, batch.log_chance)

    @torch.no_grad()
    def _move_average(self) -> None:
        self.steps += 1
        keep = min(self.config.average, self.steps / (self.steps + 9))
        for mean, now in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)

    def movie_vectors(self) -> np.ndarray:
        """(M, d + 1) float32: vectors, and the bias in the last column; those of unrated movies
        have learned nothing.
        """
        return self.average.movies.weight.detach().cpu().numpy()

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """Return (U, d + 1) float32: vectors, and 1 in the last column."""
        no_sample = torch.empty(0, dtype=torch.int64, device=self.data.device)
        every = torch.arange(self.data.n_users, device=self.data.device)
        parts = []
        for users in every.split(self.config.users_a_batch):
            batch = self.data.batch(users, no_sample)
            vectors = self.average.user_tower(self._likes(batch), batch.movies)
            parts.append(vectors.cpu().numpy())
        vectors = np.concatenate(parts)
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])

    def _likes(self, batch: Batch) -> Tensor:
        """Return (B, C) 1 where a user liked the movie, else 0."""
        return batch.dense((batch.ratings >= self.config.like_threshold).float())


def sampled_softmax(scores: Tensor, likes: Tensor, log_chance: Tensor) -> Tensor:
    """Mean over all likes of −log softmax, where (B, C) scores are of a sample of the movies.

    Each movie's share of the sum is divided by its chance to be in the sample, so that the sum
    stands for the whole catalogue (log-q correction: Bengio & Senécal 2008; Yi et al. 2019). Likes
    of the batch's other users are the negatives.
    """
    corrected = scores - log_chance
    log_share = corrected - torch.logsumexp(corrected, dim=1, keepdim=True)
    return -(log_share * likes).sum() / likes.sum().clamp(min=1)
