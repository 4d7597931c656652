"""All ratings on a device, cut into batches by index arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recsys.features.interactions import Interactions
from recsys.models.neural.computing import tensor

__all__ = ["Batch", "BatchSizes", "Grouped", "Ratings"]


@dataclass(frozen=True)
class Grouped:
    """Where the ratings of each of G groups lie, among ratings sorted by group: `starts` (G + 1,)
    int64.
    """

    starts: Tensor

    def ratings_of(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Return for K ratings of the groups (B,): row among them (K,), and place among all ratings
        (K,).
        """
        starts = self.starts[groups]
        lengths = self.starts[groups + 1] - starts
        rows = torch.repeat_interleave(torch.arange(len(groups), device=starts.device), lengths)
        before = torch.cumsum(lengths, 0) - lengths
        number = torch.arange(len(rows), device=starts.device) - before[rows]
        return rows, number + starts[rows]


@dataclass(frozen=True)
class BatchSizes:
    """Users of a batch, with all their ratings, and movies that are drawn into it besides."""

    users: int
    sampled_movies: int


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
        """Return (B, C) with the K values in their places, 0 elsewhere."""
        matrix = torch.zeros(len(self.users), len(self.movies), device=values.device)
        matrix[self.rows, self.columns] = values
        return matrix


class Ratings:
    """The ratings of all users on a device."""

    def __init__(self, train: Interactions, sizes: BatchSizes, device: torch.device) -> None:
        self.n_users, self.n_movies = train.shape
        self.sizes = sizes
        self.device = device
        self.by_user = Grouped(tensor(train.starts.astype(np.int64), device))
        self.movies = tensor(train.movies.astype(np.int64), device)
        self.ratings = tensor(train.ratings, device)
        # an unrated movie is nobody's dislike
        self.rated = tensor(np.flatnonzero(train.n_raters), device)
        self.log_chance = self.log_chances(tensor(train.n_raters, device))

    def log_chances(self, n_raters: Tensor) -> Tensor:
        """Return (M,) log chance that a movie is in a batch: one of its users rated it, or it is
        drawn.
        """
        if len(self.rated) <= self.sizes.sampled_movies:
            return torch.zeros(self.n_movies, device=self.device)
        not_drawn = 1 - self.sizes.sampled_movies / len(self.rated)
        share_of_users = n_raters / max(self.n_users, 1)
        not_rated = (1 - share_of_users.double()) ** min(self.sizes.users, self.n_users)
        return torch.log1p(-not_rated * not_drawn).float()

    def shuffled(self) -> Iterator[Batch]:
        """Yield batches of all users in a random order."""
        shuffled = torch.randperm(self.n_users).to(self.device)
        for users in shuffled.split(self.sizes.users):
            yield self.batch(users, self.sample_movies())

    def sample_movies(self) -> Tensor:
        """Return the movies that are drawn into a batch: all rated ones, or a few."""
        n = self.sizes.sampled_movies
        if len(self.rated) <= n:
            return self.rated
        return self.rated[torch.randperm(len(self.rated))[:n].to(self.device)]

    def in_order(self) -> Iterator[Batch]:
        """Yield batches of all users by position, over the movies that they rated."""
        no_sample = torch.empty(0, dtype=torch.int64, device=self.device)
        every = torch.arange(self.n_users, device=self.device)
        for users in every.split(self.sizes.users):
            yield self.batch(users, no_sample)

    def batch(self, users: Tensor, sample: Tensor) -> Batch:
        """Return the users with all their ratings, over the movies that they rated and the
        `sample`.
        """
        rows, places = self.by_user.ratings_of(users)
        rated = self.movies[places]
        movies = torch.unique(torch.cat([rated, sample]))
        columns = torch.searchsorted(movies, rated)
        return Batch(users, movies, rows, columns, self.ratings[places], self.log_chance[movies])
