"""LightGCN: vectors of movies, averaged along the graph of who liked what."""

from typing import Annotated, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import Report, Search, silent
from recsys.models.explanation import Explanation
from recsys.models.from_likes import shares_of_likes
from recsys.models.graph.config import GraphConfig
from recsys.models.graph.propagation import LikesGraph
from recsys.models.graph.recipe import GraphRecipe
from recsys.models.graph.training import GraphNetwork
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["LightGCN", "LightGCNConfig"]

INITIAL_SPREAD = 0.1


class LightGCNConfig(GraphConfig):
    """How long vectors are, and how far they go."""

    factors: Annotated[int, Search(64, 256, doubled=True)] = Field(
        default=64, ge=1, le=EXACT_WIDTH, description="length of a movie's and of a user's vector"
    )
    layers: Annotated[int, Search(1, 4)] = Field(
        default=2,
        ge=1,
        le=8,
        description="steps along the graph: odd ones end at users, even ones at movies",
    )


class LightGCN(GraphRecipe):
    """Linear propagation of vectors over the graph of users and movies (He et al. 2020, "LightGCN:
    Simplifying and Powering Graph Convolution Network for Recommendation").

    With the normalised adjacency R̃ of users and movies, a layer is R̃ times the movies' vectors of
    the layer before for users, and R̃ᵀ times the users' for movies; a vector is the sum over
    `layers`. A score is the product of both.

    What differs from the paper:
    - A user has no vector to learn, and layer 0 is 0. So a user's vector is a sum over the likes
      in the history, someone who came after the fit has one too, and `explain` is exact. With
      movies' vectors E and P = R̃ᵀR̃, users are R̃(E + PE + …) and movies E + PE + ….
    - Part of a user's likes is hidden in each step and found by a softmax over all movies, or over
      a sample with log-q correction, instead of pairs by BPR: `epochs` of some large batches
      replace 1,000 of small ones.

    The model knows the users who liked something; a movie that nobody liked scores −inf.

    Cost of a fit, R likes of U users, m liked movies, d factors, B users a batch and c movies in
    it (all, or `sampled_movies` and those that its users liked): a step takes O(B·c·d), and
    `layers` / 2 products with P, of O(R·d) each, or O(m²·d) where that is faster. Memory: 24R bytes
    for the graph both ways, or 4m² besides, 4m·d a layer with Adam's two moments, and B·c numbers
    a step. Kept are 8M·d bytes. A user's scores take O(M·d + n·d) with n likes.
    """

    name = "lightgcn"
    Config = LightGCNConfig
    array_names = (*GraphRecipe.array_names, "history_vectors_")

    history_vectors_: np.ndarray  # (M, d) float32, what a like adds to a user with one

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        net = self.learn(LightGCNNetwork, train, report)
        self.history_vectors_ = self.learned_vectors(net)
        return self

    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        likes = self.liked_movies(histories)
        # a sparse product goes row by row
        return likes.csr(unit_weights(likes)) @ self.history_vectors_, self.movie_vectors_

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = self.is_liked_movie(histories)
        likes = histories.where(is_like)
        shares = shares_of_likes(likes, self.history_vectors_, self.movie_vectors_, movies)
        shares *= unit_weights(likes)[:, None]
        return Explanation.of_likes("exact", histories, is_like, shares)


def unit_weights(likes: Histories) -> np.ndarray:
    """Return (L,) what each like weighs in its user's sum: 1 by the root of their number."""
    return (1 / np.sqrt(np.maximum(likes.lengths, 1)))[likes.users]


class LightGCNNetwork(GraphNetwork):
    """The movies' vectors, which are all that is learned."""

    def __init__(self, graph: LikesGraph, config: LightGCNConfig) -> None:
        super().__init__(graph)
        self.n_layers = config.layers
        self.movies = nn.Parameter(torch.randn(graph.n_movies, config.factors) * INITIAL_SPREAD)

    def propagate(self) -> tuple[Tensor, Tensor]:
        layers: list[Tensor] = [self.movies]
        while len(layers) <= self.n_layers // 2:
            layers.append(self.graph.two_steps(layers[-1]))
        # the last odd step takes the movies' layer before it
        of_users = torch.stack(layers[: (self.n_layers + 1) // 2]).sum(dim=0)
        return self.graph.weights * of_users, torch.stack(layers).sum(dim=0)

    def users(self, history: Tensor, liked: Tensor) -> Tensor:
        n_likes = history.sum(dim=1, keepdim=True).clamp(min=1)
        return (history / n_likes.sqrt()) @ liked
