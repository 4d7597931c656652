"""Generalised matrix factorisation once it is trained: two tables, and their products."""

from dataclasses import dataclass

import numpy as np
import torch

from recsys.models.ncf.networks import GMFBranch

__all__ = ["Factors"]


@dataclass(frozen=True)
class Factors:
    """A trained `GMFBranch`: a user is the sum of `liked` (M, d), and meets `movies` (M, d + 1)
    float32, whose last column is the bias; the weights of the output are multiplied into it.
    """

    liked: np.ndarray
    movies: np.ndarray

    @classmethod
    @torch.no_grad()
    def of(cls, branch: GMFBranch, biases: np.ndarray) -> "Factors":
        """Take the weights of a trained branch, and the biases (M,) of movies."""
        movies = (branch.movies.weight * branch.output).cpu().numpy()
        liked = branch.liked.weight.detach().cpu().numpy()
        return cls(liked, np.column_stack([movies, biases]).astype(np.float32))

    def pairs(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """Return (k, n) float32 of sums (k, d) with n movies by position, one user's."""
        vectors = self.movies[movies]
        return users @ vectors[:, :-1].T + vectors[:, -1]
