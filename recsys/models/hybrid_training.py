"""How the hybrid's network learns: batches of users, two losses, an average of its weights."""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from recsys.errors import ModelError
from recsys.features.content import Content
from recsys.features.interactions import Interactions
from recsys.models.base import Compute, Config
from recsys.models.hybrid_net import MovieTower, RatingHead, TwoTowers, UserTower


class HybridConfig(Config):
    """Hyperparameters of the network and of its training."""

    like_threshold: float = Field(default=4.0, description="a rating from here on is a like")
    size: int = Field(default=64, ge=1, description="length of a user's, of a movie's and of a movie id's vector")
    id_dropout: float = Field(default=0.1, ge=0, lt=1, description="share of movies whose id is dropped in a training step")
    history_dropout: float = Field(
        default=0.5, ge=0, lt=1, description="share of a user's likes hidden from the user tower in a step"
    )
    rating_dropout: float = Field(default=0.1, ge=0, lt=1, description="dropout between the layers of the rating head")
    rating_weight: float = Field(
        default=1.0, ge=0, description="weight of the squared error in stars beside the ranking loss of a like"
    )
    rating_epochs: int = Field(
        default=5, ge=0, description="passes over all ratings that the rating head makes once ranking is learned"
    )
    rating_decay: float = Field(default=0.1, ge=0, description="weight decay of the rating head in these passes")
    users_a_batch: int = Field(default=64, ge=1, description="users of a training step, with all their ratings")
    ratings_a_batch: int = Field(default=4096, ge=1, description="their ratings that the rating head sees in a step, at most")
    sampled_movies: int = Field(default=4096, ge=1, description="movies drawn into each step beside those that its users rated")
    learning_rate: float = Field(default=3e-3, gt=0, description="of AdamW")
    weight_decay: float = Field(default=0.01, ge=0, description="of AdamW")
    average: float = Field(default=0.98, ge=0, lt=1, description="share that the weights' moving average keeps in a step")
    max_epochs: int = Field(default=30, ge=1, description="epochs after which training stops even if it still gets better")
    patience: int = Field(default=3, ge=1, description="epochs without a better validation NDCG@10 after which it stops")


def device_of(compute: Compute) -> torch.device:
    """Where to compute. Raises ModelError where CUDA is asked for and there is none."""
    available = torch.cuda.is_available()
    if compute.device == "cuda" and not available:
        raise ModelError("device is 'cuda', but torch found no CUDA device; expected one, or device 'auto' or 'cpu'")
    return torch.device("cuda" if available and compute.device != "cpu" else "cpu")


@contextmanager
def repeatable(compute: Compute) -> Iterator[None]:
    """Fixed threads and seed, deterministic algorithms: the same fit gives the same bytes. What was set before comes back."""
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
    """B users (positions) with K ratings: `rows` (K,) and `columns` (K,) point into `users` (B,) and `movies` (C,)."""

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
        n_users, self.n_movies = train.shape
        self.n_users, self.config, self.device = n_users, config, device
        self.start = torch.from_numpy(np.searchsorted(train.users, np.arange(n_users + 1))).to(device)
        self.movies = torch.from_numpy(train.movies.astype(np.int64)).to(device)
        self.ratings = torch.from_numpy(train.ratings).to(device)
        counts = np.bincount(train.movies, minlength=self.n_movies)
        self.rated = torch.from_numpy(counts > 0).to(device)
        self.log_chance = self._log_chance(torch.from_numpy(counts).to(device) / max(n_users, 1))

    def _log_chance(self, share_of_users: Tensor) -> Tensor:
        """(M,) log chance that a movie is in a batch: rated by one of its users, or drawn."""
        if self.n_movies <= self.config.sampled_movies:
            return torch.zeros(self.n_movies, device=self.device)
        not_drawn = 1 - self.config.sampled_movies / self.n_movies
        not_rated = (1 - share_of_users.double()) ** min(self.config.users_a_batch, self.n_users)
        return torch.log1p(-not_rated * not_drawn).float()

    def epoch(self) -> Iterator[Batch]:
        """All users in a random order."""
        for users in torch.randperm(self.n_users).to(self.device).split(self.config.users_a_batch):
            yield self.batch(users, self._drawn())

    def _drawn(self) -> Tensor:
        if self.n_movies <= self.config.sampled_movies:
            return torch.arange(self.n_movies, device=self.device)
        return torch.randperm(self.n_movies)[: self.config.sampled_movies].to(self.device)

    def batch(self, users: Tensor, drawn: Tensor) -> Batch:
        """The users with all their ratings, over the movies that they rated and those drawn."""
        lengths = self.start[users + 1] - self.start[users]
        rows = torch.repeat_interleave(torch.arange(len(users), device=self.device), lengths)
        before = torch.cumsum(lengths, 0) - lengths
        flat = torch.arange(len(rows), device=self.device) - before[rows] + self.start[users][rows]
        movies = torch.unique(torch.cat([self.movies[flat], drawn]))
        columns = torch.searchsorted(movies, self.movies[flat])
        return Batch(users, movies, rows, columns, self.ratings[flat], self.log_chance[movies])


class Trainer:
    """A network, its optimiser, and the moving average of its weights that is what is asked in the end."""

    def __init__(self, train: Interactions, content: Content, config: HybridConfig, compute: Compute) -> None:
        device = device_of(compute)
        self.config = config
        self.data = Ratings(train, config, device)
        n_users, n_movies = train.shape
        with repeatable(compute):
            self.net = TwoTowers(
                MovieTower(content, self.data.rated.cpu(), config.size, config.id_dropout),
                UserTower(n_movies, config.size, config.history_dropout),
                RatingHead(n_users, config.size, float(train.ratings.mean()), config.rating_dropout),
            ).to(device)
        self.average = copy.deepcopy(self.net).eval()
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.steps = 0

    def epoch(self) -> dict[str, float]:
        """One pass over all users; the mean losses of its steps."""
        self.net.train()
        losses = [self._step(batch) for batch in self.data.epoch()]
        ranking, rating = torch.stack(losses).mean(dim=0).tolist()
        return {"ranking_loss": ranking, "rating_loss": rating}

    def _step(self, batch: Batch) -> Tensor:
        losses = self.losses(batch)
        self.optimizer.zero_grad()
        (losses[0] + self.config.rating_weight * losses[1]).backward()
        self.optimizer.step()
        self._move_average()
        return losses.detach()

    def finish_rating_head(self) -> Iterator[float]:
        """Ranking is learned sooner than stars: the rating head goes on alone, on the averaged towers as they now are.

        Yields the mean loss of each epoch.
        """
        head, ratings = self.average.rating_head.train(), self.data
        vectors = torch.from_numpy(self.movie_vectors()[:, :-1]).to(ratings.device)
        users = torch.repeat_interleave(torch.arange(ratings.n_users, device=ratings.device), ratings.start.diff())
        n_steps = self.config.rating_epochs * -(-len(users) // self.config.ratings_a_batch)
        optimizer = torch.optim.AdamW(head.parameters(), weight_decay=self.config.rating_decay, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.config.learning_rate, total_steps=n_steps + 1)
        for _ in range(self.config.rating_epochs):
            losses = []
            for some in torch.randperm(len(users)).to(ratings.device).split(self.config.ratings_a_batch):
                stars = head(users[some], vectors[ratings.movies[some]])
                optimizer.zero_grad()
                loss = functional.mse_loss(stars, ratings.ratings[some])
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
            yield float(torch.stack(losses).mean())
        head.eval()

    def losses(self, batch: Batch) -> Tensor:
        """(2,): the ranking loss of a like, and the mean squared error of a rating in stars."""
        movies = self.net.movie_tower(batch.movies)
        likes = batch.dense((batch.ratings >= self.config.like_threshold).float())
        scores = self.net.user_tower(likes, batch.movies) @ movies.vectors.T + movies.biases
        ranking = sampled_softmax(scores, likes, batch.log_chance)
        some = torch.randperm(len(batch.ratings))[: self.config.ratings_a_batch].to(batch.ratings.device)
        stars = self.net.rating_head(batch.users[batch.rows[some]], movies.vectors.index_select(0, batch.columns[some]))
        return torch.stack([ranking, functional.mse_loss(stars, batch.ratings[some])])

    @torch.no_grad()
    def _move_average(self) -> None:
        self.steps += 1
        keep = min(self.config.average, self.steps / (self.steps + 9))
        for mean, now in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)

    @torch.no_grad()
    def movie_vectors(self) -> np.ndarray:
        """(M, d + 1) float32: vectors, and the bias in the last column."""
        movies = torch.arange(self.data.n_movies, device=self.data.device)
        parts = [torch.column_stack(tuple(self.average.movie_tower(part))) for part in movies.split(4096)]
        return torch.cat(parts).cpu().numpy()

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """(U, d + 1) float32: vectors, and 1 in the last column."""
        nothing = torch.empty(0, dtype=torch.int64, device=self.data.device)
        parts = []
        for users in torch.arange(self.data.n_users, device=self.data.device).split(self.config.users_a_batch):
            batch = self.data.batch(users, nothing)
            likes = batch.dense((batch.ratings >= self.config.like_threshold).float())
            parts.append(self.average.user_tower(likes, batch.movies).cpu().numpy())
        vectors = np.concatenate(parts)
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])


def sampled_softmax(scores: Tensor, likes: Tensor, log_chance: Tensor) -> Tensor:
    """Mean over all likes of −log softmax, where (B, C) scores are of a sample of the movies.

    Each movie's share of the sum is divided by its chance to be in the sample, so that the sum stands for the whole catalogue
    (log-q correction: Bengio & Senécal 2008; Yi et al. 2019). Likes of the batch's other users are the negatives.
    """
    corrected = scores - log_chance
    log_share = corrected - torch.logsumexp(corrected, dim=1, keepdim=True)
    return -(log_share * likes).sum() / likes.sum().clamp(min=1)
