"""How the hybrid learns stars: an autoencoder of movies over all users, on what biases leave
over.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.hybrid.networks import RatingAutoencoder
from recsys.models.hybrid.ranking_training import HybridConfig, device_of, repeatable

#: Ratings of the mean that a movie's and a user's bias is drawn to it by.
MOVIE_SHRINK, USER_SHRINK = 5.0, 10.0
#: Share of movies whose ratings are hidden in a step, so that content learns to stand for them.
HIDDEN = 0.1


class RatingTrainer:
    """Stars of user u for movie i = mean + bias of u + bias of i + writing weights of u · inner
    vector of i.

    A step takes some movies with all their ratings, as dense rows over the users: U·B floats for B
    movies.
    """

    def __init__(
        self, train: Interactions, content: np.ndarray, config: HybridConfig, compute: Compute
    ) -> None:
        """`content` (M, F): what each movie's content alone says, as the map to ranking vectors
        puts it.
        """
        self.config, self.compute, self.device = config, compute, device_of(compute)
        self.n_users, self.n_movies = train.shape
        self.mean = float(train.ratings.mean(dtype=np.float64))
        self.movie_biases = _biases(
            train.movies, train.ratings - self.mean, self.n_movies, MOVIE_SHRINK
        )
        rest = train.ratings - self.mean - self.movie_biases[train.movies]
        self.user_biases = _biases(train.users, rest, self.n_users, USER_SHRINK)
        order = np.argsort(train.movies, kind="stable")
        self.users = torch.from_numpy(train.users[order].astype(np.int64)).to(self.device)
        self.residuals = torch.from_numpy(
            (rest - self.user_biases[train.users])[order].astype(np.float32)
        ).to(self.device)
        self.start = torch.from_numpy(
            np.searchsorted(train.movies[order], np.arange(self.n_movies + 1))
        ).to(self.device)
        self.content = torch.from_numpy(content).to(self.device)
        self.biases = torch.from_numpy(self.movie_biases).to(self.device)
        self.rated = (self.start.diff() > 0).float()
        with repeatable(compute):
            self.net = RatingAutoencoder(self.n_users, content.shape[1], config.rating_size).to(
                self.device
            )

    def epochs(self) -> Iterator[float]:
        """Learn; the mean squared error of each pass, in stars, the penalty left out."""
        rated = torch.nonzero(self.rated)[:, 0]
        n_steps = self.config.rating_epochs * -(-len(rated) // self.config.movies_a_batch)
        optimizer = torch.optim.Adam(self.net.parameters(), fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            self.config.rating_learning_rate,
            total_steps=n_steps + 1,
            cycle_momentum=False,
        )
        for _ in range(self.config.rating_epochs):
            total = torch.zeros((), device=self.device)
            for movies in rated[torch.randperm(len(rated)).to(self.device)].split(
                self.config.movies_a_batch
            ):
                error = self._squared_error(movies)
                optimizer.zero_grad()
                (
                    error / self._ratings_a_step(movies)
                    + self.config.rating_penalty * self.net.penalty()
                ).backward()
                optimizer.step()
                schedule.step()
                total += error.detach()
            yield float(total / len(self.residuals))

    def _ratings_a_step(self, movies: Tensor) -> float:
        """As many as a step has on average: a step with more of them must count for more."""
        return len(self.residuals) * len(movies) / max(int(self.rated.sum()), 1)

    def _squared_error(self, movies: Tensor) -> Tensor:
        rows, places = self._ratings_of(movies)
        residuals = torch.zeros(len(movies), self.n_users, device=self.device)
        users, values = self.users[places], self.residuals[places]
        residuals[rows, users] = values
        kept = (torch.rand(len(movies), 1, device=self.device) >= HIDDEN).float()
        inner = self.net.encode(residuals * kept, kept, self.content[movies])
        written = self.net.write(inner)[rows, users]
        return (written - values - ((1 - kept[:, 0]) * self.biases[movies])[rows]).square().sum()

    def _ratings_of(self, movies: Tensor) -> tuple[Tensor, Tensor]:
        """Of K ratings of the movies (B,): row among them (K,), and place among all ratings
        (K,).
        """
        lengths = self.start[movies + 1] - self.start[movies]
        rows = torch.repeat_interleave(torch.arange(len(movies), device=self.device), lengths)
        before = torch.cumsum(lengths, 0) - lengths
        return rows, torch.arange(len(rows), device=self.device) - before[rows] + self.start[
            movies
        ][rows]

    @torch.no_grad()
    def movie_vectors(self) -> np.ndarray:
        """(M, hidden + 2) float32: inner vector, 1, and the bias; that of a movie without ratings
        comes from content.
        """
        parts = []
        for movies in torch.arange(self.n_movies, device=self.device).split(
            self.config.movies_a_batch
        ):
            rows, places = self._ratings_of(movies)
            residuals = torch.zeros(len(movies), self.n_users, device=self.device)
            residuals[rows, self.users[places]] = self.residuals[places]
            parts.append(
                self.net.encode(residuals, self.rated[movies, None], self.content[movies])
                .cpu()
                .numpy()
            )
        return np.column_stack(
            [np.vstack(parts), np.ones(self.n_movies), self.movie_biases]
        ).astype(np.float32)

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """(U, hidden + 2) float32: writing weights, mean and biases together, and 1."""
        weights, own = self.net.write.weight.cpu().numpy(), self.net.write.bias.cpu().numpy()
        constant = self.mean + self.user_biases + own
        return np.column_stack([weights, constant, np.ones(self.n_users)]).astype(np.float32)


def _biases(positions: np.ndarray, rest: np.ndarray, n: int, shrink: float) -> np.ndarray:
    """(n,) float32 means of `rest` (R,) by position, drawn to 0 by `shrink` ratings more."""
    return (
        np.bincount(positions, rest, n) / (np.bincount(positions, minlength=n) + shrink)
    ).astype(np.float32)
