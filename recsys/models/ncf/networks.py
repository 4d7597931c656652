"""The networks of neural collaborative filtering while they learn."""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recsys.models.ncf.config import GMFConfig, MLPConfig, TrainingConfig

__all__ = ["GMFBranch", "MLPBranch", "Network", "network_of"]

#: Of the vectors drawn first. A perceptron whose inputs are near 0 tells no users apart for many
#: epochs: alone, with 0.05 it still was as good as popularity after four.
FACTOR_SPREAD = 0.05
PERCEPTRON_SPREAD = 0.5


class Branch(nn.Module):
    """A part of the score; a user is the weighted sum of the likes' vectors in a table of the
    branch's own.
    """

    spread: float

    def __init__(self, n_movies: int, size: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.liked = embedding(n_movies, size, self.spread)
        self.movies = embedding(n_movies, size, self.spread)

    def users(self, histories: Tensor, movies: Tensor) -> Tensor:
        """(B, d) of B users with weights (B, C) of likes, 0 for none, over movie positions (C,)."""
        return functional.dropout(histories @ self.liked(movies), self.dropout, self.training)

    def halve(self) -> None:
        """Halve the output."""
        raise NotImplementedError


class GMFBranch(Branch):
    """h · (user ∘ movie), h the weights of the output."""

    spread = FACTOR_SPREAD

    def __init__(self, n_movies: int, size: int, dropout: float) -> None:
        super().__init__(n_movies, size, dropout)
        self.output = nn.Parameter(torch.ones(size))

    def forward(self, histories: Tensor, movies: Tensor, scored: Tensor) -> Tensor:
        """(B, S) scores of movie positions (S,)."""
        return (self.users(histories, movies) * self.output) @ self.movies(scored).T

    @torch.no_grad()
    def halve(self) -> None:
        self.output.mul_(0.5)


class MLPBranch(Branch):
    """Three layers on user and movie together, of width d, d/2 and d/4, and an output.

    The first layer is linear in both, so that it is computed once for a user and once for a movie,
    and only added for a pair.
    """

    spread = PERCEPTRON_SPREAD

    def __init__(self, n_movies: int, size: int, dropout: float) -> None:
        super().__init__(n_movies, size, dropout)
        self.of_user = nn.Linear(size, size)
        self.of_movie = nn.Linear(size, size, bias=False)
        self.second = nn.Linear(size, size // 2)
        self.third = nn.Linear(size // 2, size // 4)
        self.output = nn.Linear(size // 4, 1, bias=False)

    def forward(self, histories: Tensor, movies: Tensor, scored: Tensor) -> Tensor:
        """(B, S) scores of movie positions (S,)."""
        users = self.of_user(self.users(histories, movies))
        inner = torch.relu(users[:, None] + self.of_movie(self.movies(scored)))
        inner = torch.relu(self.third(torch.relu(self.second(inner))))
        return self.output(inner)[:, :, 0]

    @torch.no_grad()
    def halve(self) -> None:
        self.output.weight.mul_(0.5)


class Network(nn.Module):
    """A score is the sum of the branches' and the movie's bias."""

    def __init__(self, n_movies: int, branches: dict[str, Branch]) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)
        self.bias = nn.Embedding(n_movies, 1)
        nn.init.zeros_(self.bias.weight)

    def forward(self, histories: Tensor, movies: Tensor, scored: Tensor) -> Tensor:
        """(B, S) scores of movie positions (S,), for B users by weights (B, C) of their likes over
        movie positions (C,).
        """
        scores = self.bias(scored)[:, 0]
        for branch in self.branches.values():
            scores = scores + branch(histories, movies, scored)
        return scores

    @property
    def gmf(self) -> GMFBranch:
        """Return the branch of factors."""
        return cast("GMFBranch", self.branches["gmf"])

    @property
    def mlp(self) -> MLPBranch:
        """Return the branch that is a perceptron."""
        return cast("MLPBranch", self.branches["mlp"])

    @property
    def biases(self) -> np.ndarray:
        """Return (M,) float32."""
        return self.bias.weight.detach().cpu().numpy()[:, 0]

    @torch.no_grad()
    def take(self, name: str, trained: "Network") -> None:
        """Begin where a network of one of the branches ended, half of its score (He et al. 2017,
        section 3.4.1: α = ½).
        """
        branch = cast("Branch", self.branches[name])
        branch.load_state_dict(trained.branches[name].state_dict())
        branch.halve()
        self.bias.weight.add_(trained.bias.weight.to(self.bias.weight.device), alpha=0.5)


def network_of(n_movies: int, config: TrainingConfig, only: str | None = None) -> Network:
    """Return one that has learned nothing, with the branches that the config has sizes of, or with
    `only` one of them.
    """
    branches: dict[str, Branch] = {}
    if isinstance(config, GMFConfig) and only != "mlp":
        branches["gmf"] = GMFBranch(n_movies, config.size, config.dropout)
    if isinstance(config, MLPConfig) and only != "gmf":
        branches["mlp"] = MLPBranch(n_movies, config.layer_size, config.dropout)
    return Network(n_movies, branches)


def embedding(count: int, size: int, spread: float) -> nn.Embedding:
    """Return vectors (count, size) near 0."""
    vectors = nn.Embedding(count, size)
    nn.init.normal_(vectors.weight, std=spread)
    return vectors
