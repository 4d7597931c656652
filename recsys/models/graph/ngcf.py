"""NGCF: vectors of users and movies, transformed at every step along the graph of likes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from recsys.features.catalogue import Catalogue
from recsys.features.train import Train
from recsys.models.base import Report, Search, silent
from recsys.models.from_likes import EncodesHistories
from recsys.models.graph.config import GraphConfig
from recsys.models.graph.propagation import LikesGraph
from recsys.models.graph.recipe import GraphRecipe
from recsys.models.graph.training import GraphNetwork
from recsys.models.neural import SumEncoder, products
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["NGCF", "NGCFConfig"]

INITIAL_SPREAD = 0.1

#: Slope of the activation below 0.
SLOPE = 0.2


class NGCFConfig(GraphConfig):
    """How long vectors are, and how far they go."""

    factors: Annotated[int, Search(32, 128, doubled=True)] = Field(
        default=64, ge=1, description="length of a vector in each layer"
    )
    layers: Annotated[int, Search(1, 2)] = Field(
        default=2, ge=1, le=4, description="steps along the graph after layer 0"
    )

    learning_rate: Annotated[float, Search(0.003, 0.05, log=True)] = Field(
        default=0.02, gt=0, description="of Adam in the first step; it falls to 0 by the last"
    )

    @model_validator(mode="after")
    def check_width(self) -> Self:
        """Raise ValueError where the vectors of all layers, side by side, are too long."""
        width = self.factors * (self.layers + 1)
        if width >= EXACT_WIDTH:
            raise ValueError(
                f"factors {self.factors} × (layers {self.layers} + 1) is {width}; expected at most "
                f"{EXACT_WIDTH - 1}"
            )
        return self


class NGCF(EncodesHistories, GraphRecipe):
    """Neural graph collaborative filtering (Wang et al. 2019).

    With aₖ the normalised sum of the neighbours' vectors of layer k, the next layer of a user or
    movie is LeakyReLU(W₁(eₖ + aₖ) + W₂(aₖ ⊙ eₖ)), both matrices shared by all; a vector has all
    layers side by side, and a score is the product of a user's with a movie's.

    What differs from the paper:
    - A user has no vector to learn: layer 0 is the normalised sum of the likes in the history, and
      so are a user's further layers made of the history and the movies' layers, which are kept. So
      someone who came after the fit has a vector too. A movie's layers take in the training users.
    - Part of a user's likes is hidden in each step and found by a softmax, as `lightgcn` learns, in
      place of pairs by BPR and of message dropout.

    The model knows the users who liked something; a movie that nobody liked scores −inf. It is
    explained by leaving likes out.

    Cost of a fit, R likes of U users, M movies, d factors, K layers, B users a batch and c movies
    in it: a step takes O(K·R·d + K·(U + M)·d² + B·c·K·d), as all users are propagated in each.
    Memory: 24R bytes for the graph both ways, some 40 (U + M)·d·K for layers and their gradients,
    and B·c numbers a step. Kept are 4M·d·(2K + 1) bytes. A user's scores take O(n·K·d + M·K·d)
    with n likes.
    """

    name = "ngcf"
    Config = NGCFConfig

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        net = self.learn(NGCFNetwork, train, report)
        self.encoder_ = NGCFEncoder.of(net.layers, self.learned_vectors(net))
        return self

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.encoder_ = NGCFEncoder(**self.encoder_arrays(state))


class NGCFLayer(nn.Module):
    """One step along the graph."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.add = nn.Linear(size, size, bias=False)
        self.multiply = nn.Linear(size, size, bias=False)
        nn.init.xavier_uniform_(self.add.weight)
        nn.init.xavier_uniform_(self.multiply.weight)

    def forward(self, own: Tensor, neighbours: Tensor) -> Tensor:
        """(N, d) next vectors, by the own ones and the sums of the neighbours', (N, d) both."""
        inner = self.add(own + neighbours) + self.multiply(own * neighbours)
        return functional.leaky_relu(inner, SLOPE)


class NGCFNetwork(GraphNetwork):
    """The movies' vectors of layer 0, and the layers."""

    def __init__(self, graph: LikesGraph, config: NGCFConfig) -> None:
        super().__init__(graph)
        self.movies = nn.Parameter(torch.randn(graph.n_movies, config.factors) * INITIAL_SPREAD)
        self.biases = nn.Parameter(torch.zeros(graph.n_movies, 1))
        self.layers = nn.ModuleList(NGCFLayer(config.factors) for _ in range(config.layers))

    def propagate(self) -> tuple[Tensor, Tensor]:
        movies: list[Tensor] = [self.movies]
        # what a history adds up to, of all training users
        users = sums = self.graph.to_users(self.movies)
        for number, layer in enumerate(self.layers):
            if number:
                sums = self.graph.to_users(movies[-2])
                users = self.layers[number - 1](users, sums)
            movies.append(layer(movies[-1], self.graph.to_movies(users)))
        in_histories = torch.cat(movies[:-1], dim=1)
        # the scale of scores; within the layers, it would grow with each
        vectors = self.graph.scale * torch.cat(movies, dim=1)
        in_histories = self.graph.weights / self.graph.scale * in_histories
        return in_histories, torch.cat([vectors, self.biases], dim=1)

    def users(self, history: Tensor, liked: Tensor) -> Tensor:
        n_likes = history.sum(dim=1, keepdim=True).clamp(min=1)
        sums = ((history / n_likes.sqrt()) @ liked).chunk(len(self.layers), dim=1)
        layers = [sums[0]]
        for layer, neighbours in zip(self.layers, sums, strict=True):
            layers.append(layer(layers[-1], neighbours))
        return torch.cat([*layers, torch.ones_like(n_likes)], dim=1)


@dataclass(frozen=True)
class NGCFEncoder(SumEncoder):
    """The layers once they are trained."""

    liked: np.ndarray  # (M, K·d), a movie's first K layers, as a history adds them
    add: np.ndarray  # (K, d, d), W₁
    multiply: np.ndarray  # (K, d, d), W₂

    @classmethod
    def of(cls, layers: Iterable[nn.Module], liked: np.ndarray) -> "NGCFEncoder":
        """Take the weights of trained layers."""
        weights = [[part.detach().cpu().numpy() for part in layer.parameters()] for layer in layers]
        add, multiply = (np.stack(parts) for parts in zip(*weights, strict=True))
        return cls(liked, add, multiply)

    def encode(self, sums: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, (K + 1)·d + 1): all layers, and 1, which multiplies a movie's bias."""
        sums_of_layers = np.split(sums, len(self.add), axis=1)
        layers = [sums_of_layers[0]]
        for add, multiply, sums_ in zip(self.add, self.multiply, sums_of_layers, strict=True):
            inner = products(layers[-1] + sums_, add, threads)
            inner += products(layers[-1] * sums_, multiply, threads)
            layers.append(np.maximum(inner, inner * np.float32(SLOPE)))
        ones = np.ones((len(sums), 1), dtype=np.float32)
        return np.hstack([*layers, ones])
