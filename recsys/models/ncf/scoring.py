"""The perceptron once it is trained: the same bytes for a user in whatever company."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from recsys.models.ncf.networks import MLPBranch

__all__ = ["Perceptron"]


@dataclass(frozen=True)
class Perceptron:
    """A trained `MLPBranch` of layers as wide as d, d/2 and d/4, all float32.

    What a like gives to the first layer is linear, so that `liked` (M, d) are its parts, which a
    user's vector adds up; `movies` (M, d) are those of the movies that are scored, with the layer's
    bias.
    """

    liked: np.ndarray
    movies: np.ndarray
    second: np.ndarray  # (d/2, d)
    second_bias: np.ndarray
    third: np.ndarray  # (d/4, d/2)
    third_bias: np.ndarray
    output: np.ndarray  # (d/4,)
    biases: np.ndarray  # (M,)

    @classmethod
    @torch.no_grad()
    def of(cls, branch: MLPBranch, biases: np.ndarray) -> "Perceptron":
        """Take the weights of a trained branch, and the biases (M,) of movies."""
        parts = [
            branch.liked.weight @ branch.of_user.weight.T,
            branch.of_movie(branch.movies.weight) + branch.of_user.bias,
            branch.second.weight,
            branch.second.bias,
            branch.third.weight,
            branch.third.bias,
            branch.output.weight[0],
        ]
        return cls(*(part.cpu().numpy() for part in parts), biases=biases)

    def scores(self, users: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, M) float32 of sums (B, d) of likes' parts. One user at a time, so that BLAS
        sees the same shapes whoever else is scored.
        """
        scores = np.empty((len(users), len(self.movies)), dtype=np.float32)

        def score(row: int) -> None:
            scores[row] = self.upper_layers(self.movies + users[row]) + self.biases

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(score, range(len(users))))
        return scores

    def pairs(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """Return (k, n) float32 of sums (k, d) with n movies by position, one user's."""
        inner = users[:, None] + self.movies[movies]
        scores = self.upper_layers(inner.reshape(-1, inner.shape[2]))
        return scores.reshape(inner.shape[:2]) + self.biases[movies]

    def upper_layers(self, inner: np.ndarray) -> np.ndarray:
        """Return (N,) of what the first layer gives (N, d), which is changed."""
        np.maximum(inner, 0, out=inner)
        inner = inner @ self.second.T + self.second_bias
        np.maximum(inner, 0, out=inner)
        inner = inner @ self.third.T + self.third_bias
        np.maximum(inner, 0, out=inner)
        return inner @ self.output
