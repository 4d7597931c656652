"""The encoder once it is trained: what turns likes into a vector, the same bits for a user in
whatever company.
"""

from dataclasses import dataclass

import numpy as np

from recsys.features.histories import Histories
from recsys.models.neural import products
from recsys.models.vae.networks import NORM_EPSILON, Autoencoder

__all__ = ["LikesEncoder"]


@dataclass(frozen=True)
class LikesEncoder:
    """The layers of `Encoder` up to the latent vector's mean, and the decoder's up to the vector
    that meets a movie's; all float32. w: the encoder's `width`, d: `size`, v: the vector's length.
    """

    first: np.ndarray  # (M, w), 0 for a movie that nobody likes
    first_bias: np.ndarray  # (w,)
    deeper: np.ndarray  # (layers − 1, w, w)
    deeper_biases: np.ndarray  # (layers − 1, w)
    gains: np.ndarray  # (layers, w), of the normalisation
    shifts: np.ndarray  # (layers, w)
    mean: np.ndarray  # (d, w)
    mean_bias: np.ndarray  # (d,)
    inner: np.ndarray  # (v, d) of the decoder's hidden layer, (0, d) where there is none
    inner_bias: np.ndarray  # (v,) or (0,)

    @classmethod
    def of(cls, net: Autoencoder, liked: np.ndarray, n_movies: int) -> "LikesEncoder":
        """Take the weights of a trained network of the `liked` movies (m,) among M."""
        weights = {name: part.detach().cpu().numpy() for name, part in net.named_parameters()}
        width, n_layers = net.encoder.first.out_features, len(net.encoder.norms)
        first = np.zeros((n_movies, width), dtype=np.float32)
        first[liked] = weights["encoder.first.weight"].T
        deeper = [weights[f"encoder.deeper.{i}.weight"] for i in range(n_layers - 1)]
        biases = [weights[f"encoder.deeper.{i}.bias"] for i in range(n_layers - 1)]
        size = net.encoder.mean.out_features
        return cls(
            first,
            weights["encoder.first.bias"],
            np.array(deeper, dtype=np.float32).reshape(-1, width, width),
            np.array(biases, dtype=np.float32).reshape(-1, width),
            np.stack([weights[f"encoder.norms.{i}.weight"] for i in range(n_layers)]),
            np.stack([weights[f"encoder.norms.{i}.bias"] for i in range(n_layers)]),
            weights["encoder.mean.weight"],
            weights["encoder.mean.bias"],
            weights.get("inner.weight", np.empty((0, size), dtype=np.float32)),
            weights.get("inner.bias", np.empty(0, dtype=np.float32)),
        )

    def vectors(self, likes: Histories, threads: int) -> np.ndarray:
        """Return (B, v + 1) float32: vectors, and 1 in the last column, which multiplies a movie's
        bias.
        """
        n_likes = np.maximum(likes.lengths, 1)[likes.users]
        # a sparse product goes row by row
        return self.encode(likes.csr(1 / np.sqrt(n_likes)) @ self.first, threads)

    def vectors_without(self, likes: Histories, rows: np.ndarray, threads: int) -> np.ndarray:
        """Return (K, v + 1) float32: what the vector of a like's user would be without the like,
        for K likes by row.
        """
        users = likes.users[rows]
        whose, of_whom = np.unique(users, return_inverse=True)
        sums = likes.rows(whose).seen() @ self.first
        n_others = np.maximum(likes.lengths[users] - 1, 1).astype(np.float32)
        others = sums[of_whom] - self.first[likes.movies[rows]]
        # of one like, nothing but rounding is left
        others[likes.lengths[users] == 1] = 0
        return self.encode(others / np.sqrt(n_others)[:, None], threads)

    def encode(self, sums: np.ndarray, threads: int) -> np.ndarray:
        """Return (B, v + 1) of the weighted sums (B, w) of likes' rows of `first`."""
        before = hidden = self.normalised(0, silu(sums + self.first_bias))
        for layer, (weights, bias) in enumerate(zip(self.deeper, self.deeper_biases, strict=True)):
            inner = products(hidden, weights, threads) + bias + before
            hidden = self.normalised(layer + 1, silu(inner))
            before = before + hidden
        vectors = products(hidden, self.mean, threads) + self.mean_bias
        if len(self.inner):
            vectors = np.tanh(products(vectors, self.inner, threads) + self.inner_bias)
        return np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])

    def normalised(self, layer: int, hidden: np.ndarray) -> np.ndarray:
        """Return a layer's (B, w) less the mean of its row, by its deviation, scaled and moved."""
        off = hidden - hidden.mean(axis=1, keepdims=True)
        variance = np.square(off).mean(axis=1, keepdims=True)
        scaled = off / np.sqrt(variance + np.float32(NORM_EPSILON))
        return scaled * self.gains[layer] + self.shifts[layer]


def silu(values: np.ndarray) -> np.ndarray:
    """Return x σ(x); by tanh, which does not overflow."""
    return values * (np.tanh(values / 2) + 1) / 2
