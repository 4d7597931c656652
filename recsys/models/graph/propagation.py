"""The graph of users and the movies that they liked, and what goes along its edges."""

import warnings
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recsys.features.interactions import Interactions
from recsys.models.ease import gram
from recsys.models.neural import tensor

__all__ = ["LikesGraph"]

#: A product with a dense matrix takes about as long as with a sparse one of so many times fewer
#: numbers.
DENSE_SPEED = 8


class SparseProduct(torch.autograd.Function):
    """A product with a constant sparse matrix, whose transpose takes the gradient back."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, matrix: Tensor, transpose: Tensor) -> Tensor:
        """Return `matrix` times the vectors."""
        ctx.save_for_backward(transpose)
        return matrix @ vectors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the vectors."""
        (transpose,) = ctx.saved_tensors
        return transpose @ gradients[0].contiguous(), None, None


class LikesGraph:
    """The edges from U users to the M movies that they liked, on a device. An edge weighs
    1 / √(likes of the user · likes of the movie): the normalised adjacency matrix R̃ (U, M).
    """

    def __init__(self, likes: Interactions, device: torch.device) -> None:
        edges = likes.csr(edge_weights(likes))
        self.users_by_movies = csr_tensor(edges, device)
        self.movies_by_users = csr_tensor(edges.T.tocsr(), device)
        self.n_users, self.n_movies = likes.shape
        self.scale = mean_likes(likes.n_raters) ** 0.5
        #: (M, 1) what a movie weighs in the sum over a history
        self.weights = tensor(history_weights(likes.n_raters)[:, None], device)
        self.dense = None
        if self.n_movies**2 <= DENSE_SPEED * 2 * len(likes):
            self.dense = tensor(gram(edges), device)

    def to_users(self, movies: Tensor) -> Tensor:
        """Return R̃ times vectors of movies (M, d): (U, d)."""
        return propagated(movies, self.users_by_movies, self.movies_by_users)

    def to_movies(self, users: Tensor) -> Tensor:
        """Return R̃ᵀ times vectors of users (U, d): (M, d)."""
        return propagated(users, self.movies_by_users, self.users_by_movies)

    def two_steps(self, movies: Tensor) -> Tensor:
        """Return R̃ᵀR̃ times vectors of movies (M, d): to the users, and back."""
        if self.dense is not None:
            return self.dense @ movies
        return self.to_movies(self.to_users(movies))


def propagated(vectors: Tensor, matrix: Tensor, transpose: Tensor) -> Tensor:
    """Return `matrix` times the vectors, with a gradient; in float32, as the matrix is."""
    with torch.autocast(vectors.device.type, enabled=False):
        return SparseProduct.apply(  # pyright: ignore[reportReturnType]
            vectors.float(), matrix, transpose
        )


def edge_weights(likes: Interactions) -> np.ndarray:
    """Return (R,) float32, what the edge of each like weighs."""
    degrees = likes.n_rated[likes.users] * likes.n_raters[likes.movies]
    return (1 / np.sqrt(degrees)).astype(np.float32)


def mean_likes(n_likes: np.ndarray) -> float:
    """Return the mean of (M,) numbers of likes, over the movies that have some."""
    return float(n_likes[n_likes > 0].mean())


def history_weights(n_likes: np.ndarray) -> np.ndarray:
    """Return (M,) float32 1/√n of the movies' likes, by that of a movie of the mean number: without
    a scale taken from the data, a learning rate that suits one data set is far off on another. 0
    for a movie without likes.
    """
    weights = np.sqrt(mean_likes(n_likes) / np.maximum(n_likes, 1))
    return np.where(n_likes > 0, weights, 0).astype(np.float32)


def csr_tensor(matrix: sparse.csr_matrix, device: torch.device) -> Tensor:
    """Return a sparse matrix on a device."""
    with warnings.catch_warnings():
        # torch says that the format may still change; only products are used here
        warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
        return torch.sparse_csr_tensor(
            tensor(matrix.indptr.astype(np.int64), device),
            tensor(matrix.indices.astype(np.int64), device),
            tensor(matrix.data, device),
            size=matrix.get_shape(),
            check_invariants=False,
        )
