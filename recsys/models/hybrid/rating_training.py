"""How the hybrid learns stars: an autoencoder of movies over all users, on what biases leave
over.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.hybrid.biases import Biases
from recsys.models.hybrid.config import HybridConfig
from recsys.models.hybrid.networks import RatingAutoencoder
from recsys.models.neural import Grouped, Step, Trainer, device_of, repeatable, tensor

__all__ = ["HIDDEN", "RatingTrainer"]

#: Share of movies whose ratings are hidden in a step, so that content learns to stand for them.
HIDDEN = 0.1


class Residuals:
    """What the biases leave over of all ratings, by movie, on a device."""

    def __init__(self, train: Interactions, biases: Biases, device: torch.device) -> None:
        self.n_users, n_movies = train.shape
        order = np.argsort(train.movies, kind="stable")
        starts = np.searchsorted(train.movies[order], np.arange(n_movies + 1))
        self.by_movie = Grouped(tensor(starts, device))
        self.users = tensor(train.users[order].astype(np.int64), device)
        self.values = tensor(biases.residuals(train)[order], device)

    def __len__(self) -> int:
        return len(self.values)

    def is_rated(self) -> Tensor:
        """Return (M,) float32 1 for a movie with ratings, else 0."""
        return (self.by_movie.starts.diff() > 0).float()

    def of(self, movies: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return for K ratings of the movies (B,): row among them, user and residual, (K,) each."""
        rows, places = self.by_movie.ratings_of(movies)
        return rows, self.users[places], self.values[places]

    def dense(self, movies: Tensor) -> Tensor:
        """Return (B, U) of the movies (B,), 0 where there is no rating."""
        rows, users, values = self.of(movies)
        matrix = torch.zeros(len(movies), self.n_users, device=movies.device)
        matrix[rows, users] = values
        return matrix


class RatingTrainer(Trainer[Tensor]):
    """Stars of user u for movie i = mean + bias of u + bias of i + writing weights of u · inner
    vector of i.

    A batch is some movies with all their ratings, as dense rows over the users: U·B floats for B
    movies.
    """

    def __init__(
        self, train: Interactions, content: np.ndarray, config: HybridConfig, compute: Compute
    ) -> None:
        """`content` (M, F): what each movie's content alone says, as the map to ranking vectors
        puts it.
        """
        device = device_of(compute)
        self.config = config
        self.compute = compute
        self.biases = Biases.of(train)
        self.residuals = Residuals(train, self.biases, device)
        self.rated = self.residuals.is_rated()
        self.content = tensor(content, device)
        self.movie_biases = tensor(self.biases.movies, device)
        self.net = self.network(train.shape[0], content.shape[1]).to(device)
        self.plan_steps()

    def network(self, n_users: int, content_size: int) -> RatingAutoencoder:
        """Return one that has learned nothing, the same each time."""
        with repeatable(self.compute):
            return RatingAutoencoder(n_users, content_size, self.config.rating_size)

    def plan_steps(self) -> None:
        """Set the optimiser, and its rate at each of the steps to come."""
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=True)
        n_batches = -(-int(self.rated.sum()) // self.config.movies_a_batch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.config.rating_learning_rate,
            total_steps=self.config.rating_epochs * n_batches + 1,
            cycle_momentum=False,
        )

    def batches(self) -> Sequence[Tensor]:
        rated = torch.nonzero(self.rated)[:, 0]
        shuffled = rated[torch.randperm(len(rated)).to(rated.device)]
        return shuffled.split(self.config.movies_a_batch)

    def step(self, batch: Tensor) -> Step:
        error = self.squared_error(batch)
        mean = error / self.ratings_a_step(batch)
        return Step(mean + self.config.rating_penalty * self.net.penalty(), figure=error)

    def after_step(self) -> None:
        self.schedule.step()

    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        """Return the mean squared error in stars, the penalty left out."""
        return {"rating_loss": float(sum(figures) / len(self.residuals))}

    def ratings_a_step(self, movies: Tensor) -> float:
        """Return as many as a step has on average: a step with more of them must count for more."""
        return len(self.residuals) * len(movies) / max(int(self.rated.sum()), 1)

    def squared_error(self, movies: Tensor) -> Tensor:
        """Return the sum over the ratings of the movies (B,), some of which are hidden."""
        shown = (torch.rand(len(movies), 1, device=movies.device) >= HIDDEN).float()
        inner = self.inner(movies, self.residuals.dense(movies) * shown, shown)
        # of a movie whose ratings are hidden, content has to say the bias too
        hidden_bias = (1 - shown[:, 0]) * self.movie_biases[movies]
        rows, users, residuals = self.residuals.of(movies)
        written = self.net.write(inner)[rows, users]
        return (written - residuals - hidden_bias[rows]).square().sum()

    def inner(self, movies: Tensor, residuals: Tensor, rated: Tensor) -> Tensor:
        """Return (B, hidden) of movies (B,), by residuals (B, U) and whether there are any
        (B, 1).
        """
        return self.net.encode(residuals, rated, self.content[movies])

    @torch.no_grad()
    def movie_vectors(self) -> np.ndarray:
        """Return (M, hidden + 2) float32: inner vector, 1, and the bias; that of a movie without
        ratings comes from content.
        """
        every = torch.arange(len(self.rated), device=self.rated.device)
        inner = [self.inner_vectors(movies) for movies in every.split(self.config.movies_a_batch)]
        vectors = [np.vstack(inner), np.ones(len(every)), self.biases.movies]
        return np.column_stack(vectors).astype(np.float32)

    def inner_vectors(self, movies: Tensor) -> np.ndarray:
        """Return (B, hidden) of movies (B,), by all their ratings."""
        inner = self.inner(movies, self.residuals.dense(movies), self.rated[movies, None])
        return inner.cpu().numpy()

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """Return (U, hidden + 2) float32: writing weights, mean and biases together, and 1."""
        weights = self.net.write.weight.cpu().numpy()
        constant = self.biases.mean + self.biases.users + self.net.write.bias.cpu().numpy()
        return np.column_stack([weights, constant, np.ones(len(weights))]).astype(np.float32)
