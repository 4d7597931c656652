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
        self.config = config
        self.device = device_of(compute)
        self.n_users, self.n_movies = train.shape
        self._learn_biases(train)
        self._hold_ratings(train)
        self.content = torch.from_numpy(content).to(self.device)
        self.rated = (self.start.diff() > 0).float()
        with repeatable(compute):
            net = RatingAutoencoder(self.n_users, content.shape[1], config.rating_size)
            self.net = net.to(self.device)

    def _learn_biases(self, train: Interactions) -> None:
        self.mean = float(train.ratings.mean(dtype=np.float64))
        self.movie_biases = _biases(
            train.movies, train.ratings - self.mean, self.n_movies, MOVIE_SHRINK
        )
        self.biases = torch.from_numpy(self.movie_biases).to(self.device)
        rest = train.ratings - self.mean - self.movie_biases[train.movies]
        self.user_biases = _biases(train.users, rest, self.n_users, USER_SHRINK)

    def _hold_ratings(self, train: Interactions) -> None:
        """Put what biases leave over of the ratings on the device, by movie."""
        order = np.argsort(train.movies, kind="stable")
        starts = np.searchsorted(train.movies[order], np.arange(self.n_movies + 1))
        self.start = torch.from_numpy(starts).to(self.device)
        self.users = torch.from_numpy(train.users[order].astype(np.int64)).to(self.device)
        rest = train.ratings - self.mean - self.movie_biases[train.movies]
        residuals = (rest - self.user_biases[train.users])[order].astype(np.float32)
        self.residuals = torch.from_numpy(residuals).to(self.device)

    def epochs(self) -> Iterator[float]:
        """Learn; yield the mean squared error of each pass, in stars, the penalty left out."""
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
            shuffled = rated[torch.randperm(len(rated)).to(self.device)]
            for movies in shuffled.split(self.config.movies_a_batch):
                error = self._squared_error(movies)
                optimizer.zero_grad()
                self._loss(error, movies).backward()
                optimizer.step()
                schedule.step()
                total += error.detach()
            yield float(total / len(self.residuals))

    def _loss(self, error: Tensor, movies: Tensor) -> Tensor:
        mean = error / self._ratings_a_step(movies)
        return mean + self.config.rating_penalty * self.net.penalty()

    def _ratings_a_step(self, movies: Tensor) -> float:
        """As many as a step has on average: a step with more of them must count for more."""
        return len(self.residuals) * len(movies) / max(int(self.rated.sum()), 1)

    def _squared_error(self, movies: Tensor) -> Tensor:
        rows, places = self._ratings_of(movies)
        residuals = self._dense(movies, rows, places)
        shown = (torch.rand(len(movies), 1, device=self.device) >= HIDDEN).float()
        inner = self.net.encode(residuals * shown, shown, self.content[movies])
        written = self.net.write(inner)[rows, self.users[places]]
        # of a movie whose ratings are hidden, content has to say the bias too
        hidden_bias = (1 - shown[:, 0]) * self.biases[movies]
        return (written - self.residuals[places] - hidden_bias[rows]).square().sum()

    def _dense(self, movies: Tensor, rows: Tensor, places: Tensor) -> Tensor:
        """Return (B, U) residuals of the movies (B,), 0 where there is no rating."""
        residuals = torch.zeros(len(movies), self.n_users, device=self.device)
        residuals[rows, self.users[places]] = self.residuals[places]
        return residuals

    def _ratings_of(self, movies: Tensor) -> tuple[Tensor, Tensor]:
        """Return for K ratings of the movies (B,): row among them (K,), and place among all ratings
        (K,).
        """
        starts = self.start[movies]
        lengths = self.start[movies + 1] - starts
        rows = torch.repeat_interleave(torch.arange(len(movies), device=self.device), lengths)
        before = torch.cumsum(lengths, 0) - lengths
        number = torch.arange(len(rows), device=self.device) - before[rows]
        return rows, number + starts[rows]

    @torch.no_grad()
    def movie_vectors(self) -> np.ndarray:
        """Return (M, hidden + 2) float32: inner vector, 1, and the bias; that of a movie without
        ratings comes from content.
        """
        inner = []
        every = torch.arange(self.n_movies, device=self.device)
        for movies in every.split(self.config.movies_a_batch):
            residuals = self._dense(movies, *self._ratings_of(movies))
            part = self.net.encode(residuals, self.rated[movies, None], self.content[movies])
            inner.append(part.cpu().numpy())
        vectors = [np.vstack(inner), np.ones(self.n_movies), self.movie_biases]
        return np.column_stack(vectors).astype(np.float32)

    @torch.no_grad()
    def user_vectors(self) -> np.ndarray:
        """Return (U, hidden + 2) float32: writing weights, mean and biases together, and 1."""
        weights = self.net.write.weight.cpu().numpy()
        constant = self.mean + self.user_biases + self.net.write.bias.cpu().numpy()
        return np.column_stack([weights, constant, np.ones(self.n_users)]).astype(np.float32)


def _biases(positions: np.ndarray, rest: np.ndarray, n: int, shrink: float) -> np.ndarray:
    """Return (n,) float32 means of `rest` (R,) by position, drawn to 0 by `shrink` ratings more."""
    sums = np.bincount(positions, rest, n)
    counts = np.bincount(positions, minlength=n)
    return (sums / (counts + shrink)).astype(np.float32)
