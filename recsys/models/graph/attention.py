"""Graph attention: a user attends to the likes that say most, over the graph of likes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import Report, Search, silent
from recsys.models.from_likes import EncodesHistories
from recsys.models.graph.config import GraphConfig
from recsys.models.graph.propagation import LikesGraph
from recsys.models.graph.recipe import GraphRecipe
from recsys.models.graph.training import NO_SCORE, GraphNetwork
from recsys.models.neural import products
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["GraphAttention", "GraphAttentionConfig"]

INITIAL_SPREAD = 0.1

#: Slope of the activation below 0.
SLOPE = 0.2

#: Users whose likes are weighed at once.
USERS_AT_ONCE = 1024


class GraphAttentionConfig(GraphConfig):
    """How long vectors are."""

    factors: Annotated[int, Search(64, 256, doubled=True)] = Field(
        default=64,
        ge=1,
        le=EXACT_WIDTH - 1,
        description="length of a movie's and of a user's vector",
    )


class GraphAttention(EncodesHistories, GraphRecipe):
    """LightGCN whose users weigh their likes by attention (Brody et al. 2022, "How Attentive Are
    Graph Attention Networks?", GATv2).

    A movie's vector is its own and that of two steps along the graph, as in `lightgcn`. A user's is
    a sum over the history in which like i weighs softmax(a · LeakyReLU(Wₗ hᵢ + Wᵣ q)), where q is
    the sum with equal weights, times the number of likes: with a = 0 it is `lightgcn`'s sum.

    What differs from the paper: attention has one head, and only the step from movies to users has
    it, since a movie has thousands of users. It learns as `lightgcn` does. It is explained by
    leaving likes out.

    The model knows the users who liked something; a movie that nobody liked scores −inf.

    Cost of a fit, R likes of U users, d factors, B users a batch with r likes, c movies in it: a
    step takes O(B·c·d + r·d + R·d), an epoch U / B steps. Memory: that of `lightgcn`, and 12 r·d
    bytes for the likes of a batch. Kept are 12M·d bytes. A user's scores take O(M·d + n·d) with n
    likes.
    """

    name = "graph_attention"
    Config = GraphAttentionConfig

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        net = self.learn(AttentionNetwork, train, report)
        self.encoder_ = AttentionEncoder.of(net, self.learned_vectors(net))
        return self

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.encoder_ = AttentionEncoder(**self.encoder_arrays(state))


class AttentionNetwork(GraphNetwork):
    """The movies' vectors and biases, and what weighs a user's likes."""

    def __init__(self, graph: LikesGraph, config: GraphAttentionConfig) -> None:
        super().__init__(graph)
        size = config.factors
        self.movies = nn.Parameter(torch.randn(graph.n_movies, size) * INITIAL_SPREAD)
        self.biases = nn.Parameter(torch.zeros(graph.n_movies, 1))
        self.key = nn.Linear(size, size, bias=False)
        self.query = nn.Linear(size, size, bias=False)
        self.attend = nn.Parameter(torch.zeros(size))

    def propagate(self) -> tuple[Tensor, Tensor]:
        vectors = self.movies + self.graph.two_steps(self.movies)
        return self.graph.weights * vectors, torch.cat([vectors, self.biases], dim=1)

    def users(self, history: Tensor, liked: Tensor) -> Tensor:
        n_likes = history.sum(dim=1, keepdim=True).clamp(min=1)
        queries = self.query((history / n_likes.sqrt()) @ liked)
        rows, columns = history.nonzero(as_tuple=True)
        inner = functional.leaky_relu(self.key(liked)[columns] + queries[rows], SLOPE)
        logits = torch.full_like(history, NO_SCORE)
        logits = logits.index_put((rows, columns), (inner @ self.attend).to(logits.dtype))
        shares = torch.softmax(logits, dim=1) * history
        users = n_likes.sqrt() * (shares @ liked)
        return torch.cat([users, torch.ones_like(n_likes)], dim=1)


@dataclass(frozen=True)
class AttentionEncoder:
    """What weighs a user's likes, once it is trained; all float32."""

    liked: np.ndarray  # (M, d), a movie as a history adds it
    keys: np.ndarray  # (M, d), Wₗ times these
    query: np.ndarray  # (d, d), Wᵣ
    attend: np.ndarray  # (d,), a

    @classmethod
    def of(cls, net: AttentionNetwork, liked: np.ndarray) -> "AttentionEncoder":
        """Take the weights of a trained network."""
        parts = (net.key.weight, net.query.weight, net.attend)
        key, query, attend = (part.detach().cpu().numpy() for part in parts)
        return cls(liked, products(liked, key, threads=1), query, attend)

    def vectors(self, likes: Histories, threads: int) -> np.ndarray:
        """Return (B, d + 1) float32: vectors, and 1, which multiplies a movie's bias."""
        weights = self.weights(likes, threads)
        # a sparse product goes row by row
        users = likes.csr(weights) @ self.liked
        return np.column_stack([users, np.ones(len(users), dtype=np.float32)])

    def weights(self, likes: Histories, threads: int) -> np.ndarray:
        """Return (H,) float32 what each like weighs in its user's sum."""
        n_likes = np.maximum(likes.lengths, 1)
        sums = likes.csr(1 / np.sqrt(n_likes)[likes.users]) @ self.liked
        queries = products(sums, self.query, threads)
        parts = [np.empty(0)]
        for start in range(0, len(likes), USERS_AT_ONCE):
            users = slice(start, start + USERS_AT_ONCE)
            parts.append(self.shares(likes.rows(users), queries[users]))
        return (np.concatenate(parts) * np.sqrt(n_likes)[likes.users]).astype(np.float32)

    def shares(self, likes: Histories, queries: np.ndarray) -> np.ndarray:
        """Return (H,) the softmax over each user's likes, by the users' queries (B, d)."""
        inner = self.keys[likes.movies] + queries[likes.users]
        logits = (np.maximum(inner, inner * np.float32(SLOPE)) * self.attend).sum(axis=1)
        exponents = np.exp((logits - highest(likes, logits)[likes.users]).astype(np.float64))
        totals = np.bincount(likes.users, exponents, len(likes))
        return exponents / totals[likes.users]

    def vectors_without(self, likes: Histories, rows: np.ndarray, threads: int) -> np.ndarray:
        """Return (K, d + 1) of users without one of their likes, for K likes by row."""
        parts = [self.vectors(part, threads) for part in histories_without(likes, rows)]
        return np.concatenate(parts)


def highest(likes: Histories, values: np.ndarray) -> np.ndarray:
    """Return (B,) the highest of each user's values (H,), −inf for a user without."""
    best = np.full(len(likes), -np.inf, dtype=values.dtype)
    np.maximum.at(best, likes.users, values)
    return best


def histories_without(likes: Histories, rows: np.ndarray) -> Iterator[Histories]:
    """Yield the likes of the users of K likes, each without that like, some users at a time."""
    users = likes.users[rows]
    for start in range(0, len(rows), USERS_AT_ONCE):
        part = slice(start, start + USERS_AT_ONCE)
        whole = likes.rows(users[part])
        is_kept = np.ones(len(whole.movies), dtype=bool)
        is_kept[whole.starts[:-1] + rows[part] - likes.starts[users[part]]] = False
        yield whole.where(is_kept)
