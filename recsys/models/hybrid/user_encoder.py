"""The user tower once it is trained: what turns likes into a vector, the same bits for a user in
whatever company.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from recsys.models.hybrid.networks import UserTower
from recsys.models.neural import SumEncoder, products

__all__ = ["UserEncoder"]


@dataclass(frozen=True)
class UserEncoder(SumEncoder):
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

    def encode(self, sums: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, d + 1) of the weighted sums (B, d) of likes' vectors: 1 in the last column,
        which multiplies a movie's bias.
        """
        inner = np.tanh(products(sums, self.inner_weights, threads) + self.inner_bias)
        vectors = products(inner, self.weights, threads) + self.bias
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])


def parameters(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weights and bias of a linear layer."""
    weights, bias = layer.parameters()
    return weights, bias
