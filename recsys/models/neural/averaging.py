"""A moving average of a network's weights: steadier than the last step's."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

__all__ = ["WeightAverage"]

#: Of the first steps, the average keeps less: it would be of the drawn weights.
WARM_UP = 9

Network = TypeVar("Network", bound=nn.Module)


class WeightAverage(Generic[Network]):
    """Keeps the share `kept` of the average in each step (Polyak & Juditsky 1992); `mean` is the
    network of it, not in training.
    """

    def __init__(self, net: Network, kept: float) -> None:
        self.net = net
        self.mean = copy.deepcopy(net).eval()
        self.kept = kept
        self.n_steps = 0

    @torch.no_grad()
    def follow(self) -> None:
        """Take in the weights of a step."""
        self.n_steps += 1
        kept = min(self.kept, self.n_steps / (self.n_steps + WARM_UP))
        for mean, now in zip(self.mean.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1 - kept)

    def state_dict(self) -> dict[str, Any]:
        """Return the average and how many steps are in it."""
        return {"mean": self.mean.state_dict(), "n_steps": self.n_steps}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from a state."""
        self.mean.load_state_dict(state["mean"])
        self.n_steps = state["n_steps"]
