"""The networks of the hybrid recipe: a user tower and a movie tower to rank with, an autoencoder of movies to rate with."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recsys.features.content import Content

PERSON_SIZE = 16
CONTENT_LAYERS = (128, 64)
INITIAL_SPREAD = 0.05
RATING_SPREAD = 0.02
RATERS_SCALE = 3.0  # length of the row that says who rated a movie


class Vectors(NamedTuple):
    """Of C movies: `vectors` (C, d) and `biases` (C,)."""

    vectors: Tensor
    biases: Tensor


class ContentTower(nn.Module):
    """What content says of a movie: a vector and a bias."""

    def __init__(self, width: int, n_directors: int, n_actors: int, size: int) -> None:
        super().__init__()
        self.directors = _embedding(n_directors + 1, PERSON_SIZE)
        self.actors = _embedding(n_actors + 1, PERSON_SIZE)
        self.layers = nn.Sequential(_layers(width + 2 * PERSON_SIZE), nn.Linear(CONTENT_LAYERS[-1], size + 1))

    def forward(self, dense: Tensor, directors: Tensor, actors: Tensor) -> Tensor:
        """(C, d + 1) of C movies, the bias in the last column; the inputs are those of `Content`."""
        people = [_bag(self.directors, directors), _bag(self.actors, actors)]
        return self.layers(torch.cat([dense, *people], dim=1))


class MovieTower(nn.Module):
    """A movie's vector and bias: what its id has learned, plus what its content says.

    In training the id is dropped whole for a sampled movie, so that content learns to carry a movie alone; a movie without
    a training rating has nothing but content.
    """

    rated: Tensor
    dense: Tensor
    director_rows: Tensor
    actor_rows: Tensor

    def __init__(self, content: Content, rated: Tensor, size: int, id_dropout: float) -> None:
        super().__init__()
        self.id_dropout = id_dropout
        self.ids = _embedding(len(rated), size + 1)
        self.content = ContentTower(content.dense.shape[1], content.n_directors, content.n_actors, size)
        self.register_buffer("rated", rated.float())
        self.register_buffer("dense", torch.from_numpy(content.dense))
        self.register_buffer("director_rows", torch.from_numpy(content.directors))
        self.register_buffer("actor_rows", torch.from_numpy(content.actors))

    def forward(self, movies: Tensor) -> Vectors:
        """Of movie positions (C,)."""
        keep = self.rated[movies]
        if self.training:
            keep = keep * (torch.rand(len(movies), device=keep.device) >= self.id_dropout)
        both = self.described(movies) + self.ids(movies) * keep[:, None]
        return Vectors(both[:, :-1], both[:, -1])

    def described(self, movies: Tensor) -> Tensor:
        """(C, d + 1): what content alone says of movie positions (C,)."""
        return self.content(self.dense[movies], self.director_rows[movies], self.actor_rows[movies])


class UserTower(nn.Module):
    """A user's vector from the movies that the user liked: a denoising encoder, after Liang et al. 2018 (Mult-DAE)."""

    def __init__(self, n_movies: int, size: int, history_dropout: float) -> None:
        super().__init__()
        self.history_dropout = history_dropout
        self.liked = _embedding(n_movies, size)
        self.encode = nn.Sequential(nn.Linear(size, 2 * size), nn.Tanh(), nn.Linear(2 * size, size))

    def forward(self, likes: Tensor, movies: Tensor) -> Tensor:
        """(B, d) of B users with `likes` (B, C), 1 where the user liked the movie, over movie positions (C,)."""
        history = likes / likes.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
        history = functional.dropout(history, self.history_dropout, self.training)
        return self.encode(history @ self.liked(movies))


class TwoTowers(nn.Module):
    """Both: a score is user vector · movie vector + movie bias."""

    def __init__(self, movie_tower: MovieTower, user_tower: UserTower) -> None:
        super().__init__()
        self.movie_tower = movie_tower
        self.user_tower = user_tower


class RatingAutoencoder(nn.Module):
    """A movie's ratings by all users, from those there are (Sedhain et al. 2015, AutoRec), from who gave them (as SVD++
    does for users: Koren 2008) and from the movie's content.

    It works on what user and movie biases leave over. A movie without ratings is told by content alone, its bias included.
    """

    def __init__(self, n_users: int, content_size: int, hidden_size: int) -> None:
        super().__init__()
        self.read = nn.Linear(n_users, hidden_size)
        self.read_raters = nn.Linear(n_users, hidden_size, bias=False)
        self.describe = nn.Linear(content_size, hidden_size, bias=False)
        self.describe_new = nn.Linear(content_size, hidden_size)
        self.write = nn.Linear(hidden_size, n_users)
        for layer in (self.read, self.read_raters, self.describe, self.describe_new, self.write):
            nn.init.normal_(layer.weight, std=RATING_SPREAD)

    def encode(self, residuals: Tensor, rated: Tensor, content: Tensor) -> Tensor:
        """(B, hidden) of B movies with residuals (B, U), 0 where there is none, `rated` (B, 1) 1 or 0, and content (B, F)."""
        raters = (residuals != 0).float()
        raters = raters * (RATERS_SCALE / raters.sum(dim=1, keepdim=True).clamp(min=1).sqrt())
        known = self.read(residuals) + self.read_raters(raters) + self.describe(content)
        return torch.tanh(torch.where(rated > 0, known, self.describe_new(content)))

    def penalty(self) -> Tensor:
        """Squared weights of reading and writing, a mean over users."""
        weights = (self.read.weight, self.read_raters.weight, self.write.weight)
        return torch.stack([weight.square().sum() for weight in weights]).sum() / len(self.write.weight)


def _embedding(count: int, size: int) -> nn.Embedding:
    embedding = nn.Embedding(count, size)
    nn.init.normal_(embedding.weight, std=INITIAL_SPREAD)
    return embedding


def _bag(embedding: nn.Embedding, rows: Tensor) -> Tensor:
    """(C, d) mean over the people of each row (C, k), of whom 0 is nobody."""
    present = (rows > 0).float()[:, :, None]
    return (embedding(rows) * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)


def _layers(width: int) -> nn.Sequential:
    steps: list[nn.Module] = []
    for size in CONTENT_LAYERS:
        steps += [nn.Linear(width, size), nn.ReLU()]
        width = size
    return nn.Sequential(*steps)
