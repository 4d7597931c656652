"""The networks of the hybrid recipe: a user tower and movie vectors to rank with, an autoencoder of
movies to rate with.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

INITIAL_SPREAD = 0.05
RATING_SPREAD = 0.02
RATERS_SCALE = 3.0  # length of the row that says who rated a movie


class UserTower(nn.Module):
    """A user's vector from the movies that the user liked: a denoising encoder, after Liang et al.
    2018 (Mult-DAE).
    """

    def __init__(self, n_movies: int, size: int, history_dropout: float) -> None:
        super().__init__()
        self.history_dropout = history_dropout
        self.liked = embedding(n_movies, size)
        self.encode = nn.Sequential(nn.Linear(size, 2 * size), nn.Tanh(), nn.Linear(2 * size, size))

    def forward(self, likes: Tensor, movies: Tensor) -> Tensor:
        """(B, d) of B users with `likes` (B, C), 1 where the user liked the movie, over movie
        positions (C,).
        """
        history = likes / likes.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
        history = functional.dropout(history, self.history_dropout, self.training)
        return self.encode(history @ self.liked(movies))


class Towers(nn.Module):
    """A score is user vector · movie vector + movie bias; the bias is the last column of
    `movies`.
    """

    def __init__(self, n_movies: int, size: int, history_dropout: float) -> None:
        super().__init__()
        self.user_tower = UserTower(n_movies, size, history_dropout)
        self.movies = embedding(n_movies, size + 1)

    def forward(self, likes: Tensor, movies: Tensor) -> Tensor:
        """(B, C) scores of B users by their `likes` (B, C) over movie positions (C,)."""
        vectors = self.movies(movies)
        return self.user_tower(likes, movies) @ vectors[:, :-1].T + vectors[:, -1]


class RatingAutoencoder(nn.Module):
    """A movie's ratings by all users, from those there are (Sedhain et al. 2015, AutoRec), from who
    gave them (as SVD++ does for users: Koren 2008) and from the movie's content.

    It works on what user and movie biases leave over. A movie without ratings is described by
    content alone, its bias included.
    """

    def __init__(self, n_users: int, content_size: int, hidden_size: int) -> None:
        super().__init__()
        self.read = nn.Linear(n_users, hidden_size)
        self.read_raters = nn.Linear(n_users, hidden_size, bias=False)
        self.describe = nn.Linear(content_size, hidden_size, bias=False)
        self.describe_new = nn.Linear(content_size, hidden_size)
        self.write = nn.Linear(hidden_size, n_users)
        self.spread_weights()

    def spread_weights(self) -> None:
        """Draw all weights near 0."""
        for layer in (self.read, self.read_raters, self.describe, self.describe_new, self.write):
            nn.init.normal_(layer.weight, std=RATING_SPREAD)

    def encode(self, residuals: Tensor, rated: Tensor, content: Tensor) -> Tensor:
        """(B, hidden) of B movies with residuals (B, U), 0 where there is none, `rated` (B, 1) 1 or
        0, and content (B, F).
        """
        raters = (residuals != 0).float()
        raters = raters * (RATERS_SCALE / raters.sum(dim=1, keepdim=True).clamp(min=1).sqrt())
        of_rated = self.read(residuals) + self.read_raters(raters) + self.describe(content)
        return torch.tanh(torch.where(rated > 0, of_rated, self.describe_new(content)))

    def penalty(self) -> Tensor:
        """Squared weights of reading and writing, a mean over users."""
        weights = (self.read.weight, self.read_raters.weight, self.write.weight)
        return torch.stack([weight.square().sum() for weight in weights]).sum() / len(
            self.write.weight
        )


def embedding(count: int, size: int) -> nn.Embedding:
    """Return vectors (count, size) near 0."""
    vectors = nn.Embedding(count, size)
    nn.init.normal_(vectors.weight, std=INITIAL_SPREAD)
    return vectors
