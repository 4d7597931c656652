"""The user tower once it is trained: what turns likes into a vector, the same bits for a user in
whatever company.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from recsys.features.histories import Histories
from recsys.models.hybrid.networks import UserTower
from recsys.models.top_n import EXACT_WIDTH, dot_scores

__all__ = ["UserEncoder"]


@dataclass(frozen=True)
class UserEncoder:
    """Two layers on the mean of the likes' vectors, as `UserTower` has them; all float32."""

    liked: np.ndarray  # (M, d), a liked movie's vector
    inner_weights: np.ndarray  # (2d, d)
    inner_bias: np.ndarray  # (2d,)
    weights: np.ndarray  # (d, 2d)
    bias: np.ndarray  # (d,)

    @classmethod
    def of(cls, tower: UserTower) -> "UserEncoder":
        """Take the weights of a trained tower."""
        inner, _, outer = tower.encode
        parts = [tower.liked.weight, *parameters(inner), *parameters(outer)]
        return cls(*(part.detach().cpu().numpy() for part in parts))

    def vectors(self, likes: Histories, threads: int) -> np.ndarray:
        """Return (B, d + 1) float32: vectors, and 1 in the last column, which multiplies a movie's
        bias.
        """
        n_likes = np.maximum(likes.lengths, 1)[likes.users]
        # a sparse product goes row by row
        return self.encode(likes.csr(1 / np.sqrt(n_likes)) @ self.liked, threads)

    def vectors_without(self, likes: Histories, rows: np.ndarray, threads: int) -> np.ndarray:
        """Return (K, d + 1) float32: what the vector of a like's user would be without the like,
        for K likes by row.
        """
        users = likes.users[rows]
        whose, of_whom = np.unique(users, return_inverse=True)
        sums = likes.rows(whose).seen() @ self.liked
        n_others = np.maximum(likes.lengths[users] - 1, 1).astype(np.float32)
        others = sums[of_whom] - self.liked[likes.movies[rows]]
        # of one like, nothing but rounding is left
        others[likes.lengths[users] == 1] = 0
        return self.encode(others / np.sqrt(n_others)[:, None], threads)

    def encode(self, means: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, d + 1) of the weighted sums (B, d) of likes' vectors."""
        inner = np.tanh(products(means, self.inner_weights, threads) + self.inner_bias)
        vectors = products(inner, self.weights, threads) + self.bias
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])


def parameters(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weights and bias of a linear layer."""
    weights, bias = layer.parameters()
    return weights, bias


def products(inputs: np.ndarray, weights: np.ndarray, threads: int) -> np.ndarray:
    """Return (B, k) float32 of inputs (B, w) and weights (k, w), w of any size: exact in parts of
    EXACT_WIDTH, so that BLAS's order of adding does not show.
    """
    total = np.zeros((len(inputs), len(weights)), dtype=np.float32)
    for start in range(0, inputs.shape[1], EXACT_WIDTH):
        part = slice(start, start + EXACT_WIDTH)
        total += dot_scores(inputs[:, part], weights[:, part], threads)
    return total
