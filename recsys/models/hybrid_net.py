"""The network of the hybrid recipe: a user tower, a movie tower and a rating head."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recsys.features.content import Content

PERSON_SIZE = 16
CONTENT_LAYERS = (128, 64)
RATING_LAYERS = (256, 128, 64)
INITIAL_SPREAD = 0.05


class Vectors(NamedTuple):
    """Of C movies: `vectors` (C, d) and `biases` (C,)."""

    vectors: Tensor
    biases: Tensor


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
        self.directors = _embedding(content.n_directors + 1, PERSON_SIZE)
        self.actors = _embedding(content.n_actors + 1, PERSON_SIZE)
        width = content.dense.shape[1] + 2 * PERSON_SIZE
        self.content = nn.Sequential(_layers(width, CONTENT_LAYERS, dropout=0.0), nn.Linear(CONTENT_LAYERS[-1], size + 1))
        self.register_buffer("rated", rated.float())
        self.register_buffer("dense", torch.from_numpy(content.dense))
        self.register_buffer("director_rows", torch.from_numpy(content.directors))
        self.register_buffer("actor_rows", torch.from_numpy(content.actors))

    def forward(self, movies: Tensor) -> Vectors:
        """Of movie positions (C,)."""
        people = [_bag(self.directors, self.director_rows[movies]), _bag(self.actors, self.actor_rows[movies])]
        described = self.content(torch.cat([self.dense[movies], *people], dim=1))
        keep = self.rated[movies]
        if self.training:
            keep = keep * (torch.rand(len(movies), device=keep.device) >= self.id_dropout)
        both = described + self.ids(movies) * keep[:, None]
        return Vectors(both[:, :-1], both[:, -1])


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


class RatingHead(nn.Module):
    """Stars from a user's id and a movie's vector: mean, two biases, and a network on (u, v, u∘v).

    The user here is an embedding of the id, not the user tower's vector: likes are made of the very ratings to predict.
    """

    def __init__(self, n_users: int, size: int, mean: float, dropout: float) -> None:
        super().__init__()
        self.user_dropout = 0.05  # for a stranger, whom a zero vector stands for
        self.users = _embedding(n_users, size + 1)
        self.movie_bias = nn.Linear(size, 1)
        self.project = nn.Linear(size, size)
        self.layers = nn.Sequential(_layers(3 * size, RATING_LAYERS, dropout), nn.Linear(RATING_LAYERS[-1], 1))
        self.register_buffer("mean", torch.tensor(mean))

    def forward(self, users: Tensor, vectors: Tensor) -> Tensor:
        """(K,) stars of user positions (K,), −1 for a stranger, and movie vectors (K, d)."""
        keep = (users >= 0).float()
        if self.training:
            keep = keep * (torch.rand(len(users), device=keep.device) >= self.user_dropout)
        known = self.users(users.clamp(min=0)) * keep[:, None]
        user, user_bias = known[:, :-1], known[:, -1]
        movie = self.project(vectors)
        rest = self.layers(torch.cat([user, movie, user * movie], dim=1))[:, 0]
        return self.mean + user_bias + self.movie_bias(vectors)[:, 0] + rest


class TwoTowers(nn.Module):
    """All three: ranking scores are user vector · movie vector + movie bias; stars come from the rating head."""

    def __init__(self, movie_tower: MovieTower, user_tower: UserTower, rating_head: RatingHead) -> None:
        super().__init__()
        self.movie_tower = movie_tower
        self.user_tower = user_tower
        self.rating_head = rating_head


def _embedding(count: int, size: int) -> nn.Embedding:
    embedding = nn.Embedding(count, size)
    nn.init.normal_(embedding.weight, std=INITIAL_SPREAD)
    return embedding


def _bag(embedding: nn.Embedding, rows: Tensor) -> Tensor:
    """(C, d) mean over the people of each row (C, k), of whom 0 is nobody."""
    present = (rows > 0).float()[:, :, None]
    return (embedding(rows) * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)


def _layers(width: int, sizes: tuple[int, ...], dropout: float) -> nn.Sequential:
    steps: list[nn.Module] = []
    for size in sizes:
        steps += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(dropout)]
        width = size
    return nn.Sequential(*steps)
