"""What is believed of vectors before their ratings are seen: a normal distribution that is itself
drawn, and what the mere choice of movies says.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from recsys.features.histories import Histories

__all__ = ["Implicit", "Prior", "choices"]

#: Vectors that the belief about their mean counts as.
MEAN_STRENGTH = 2.0

#: Steps of conjugate gradients at most, and the share of the right side at which they end.
MAX_STEPS = 25
TOLERANCE = 1e-4

#: Shape and rate of the gamma distribution that the implicit vectors' penalty is drawn from before
#: they are seen: next to nothing is believed.
VAGUE = 1e-2


@dataclass(frozen=True)
class Prior:
    """A normal distribution of vectors: `mean` (k,) and `precision` (k, k)."""

    mean: np.ndarray
    precision: np.ndarray

    @classmethod
    def draw(cls, vectors: np.ndarray, rng: np.random.Generator) -> Self:
        """Draw one that vectors (N, k) may come from, from the normal-Wishart distribution of
        Salakhutdinov & Mnih 2008, equation 14.
        """
        n, width = vectors.shape
        mean = vectors.mean(axis=0)
        rest = vectors - mean
        shrunk = MEAN_STRENGTH * n / (MEAN_STRENGTH + n)
        spread = np.eye(width) + rest.T @ rest + shrunk * np.outer(mean, mean)
        precision = draw_wishart(spread, width + n, rng)
        centre = cls(n * mean / (MEAN_STRENGTH + n), precision * (MEAN_STRENGTH + n))
        return cls(centre.mean + centre.noise(1, rng)[0], precision)

    def noise(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw (n, k) around a mean of 0."""
        root = np.linalg.cholesky(self.precision)
        normal = rng.standard_normal((len(root), n))
        return solve_triangular(root.T, normal, lower=False).T


def draw_wishart(inverse_scale: np.ndarray, freedom: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a (k, k) matrix from a Wishart distribution, by Bartlett's decomposition."""
    width = len(inverse_scale)
    corner = np.tril(rng.standard_normal((width, width)), -1)
    corner += np.diag(np.sqrt(rng.chisquare(freedom - np.arange(width))))
    root = np.linalg.cholesky(np.linalg.inv(inverse_scale)) @ corner
    return root @ root.T


def choices(histories: Histories) -> sparse.csr_matrix:
    """Return (B, M) 1 / √n for each of the n movies that a user has rated, as SVD++ weighs them."""
    n_rated = np.maximum(histories.lengths, 1)[histories.users]
    return histories.csr(1 / np.sqrt(n_rated))


class Implicit:
    """Vectors (M, k) of what has been rated, whose weighted sums by `choices` (B, M) are added to
    the prior's mean of B rows: SVD++'s y, as a regression of the rows' vectors on their choices
    (Simm et al. 2015, "Macau").
    """

    def __init__(self, chosen: sparse.csr_matrix, width: int) -> None:
        self.chosen = chosen
        self.transposed = chosen.T.tocsr()
        self.vectors = np.zeros((chosen.get_shape()[1], width))
        self.penalty = 1.0

    def sums(self) -> np.ndarray:
        """Return (B, k) what the choices add."""
        return self.chosen @ self.vectors

    def draw(self, rests: np.ndarray, prior: Prior, rng: np.random.Generator) -> None:
        """Draw the vectors, and their penalty, by what the rows' vectors are beside the prior's
        mean (B, k).

        The draw is the ridge regression of what noise disturbs, so no matrix (M, M) is made.
        """
        disturbed = rests + prior.noise(len(rests), rng)
        doubt = np.sqrt(self.penalty) * prior.noise(len(self.vectors), rng)
        self.vectors = self.solve(self.transposed @ disturbed + doubt)
        size = np.sum((self.vectors @ prior.precision) * self.vectors)
        self.penalty = rng.gamma(VAGUE + self.vectors.size / 2, 1 / (VAGUE + size / 2))

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return (M, k) for which CᵀC + penalty gives `right` (M, k), by conjugate gradients."""
        solution = np.zeros_like(right)
        residual, direction = right.copy(), right.copy()
        size = squares(residual)
        enough = TOLERANCE**2 * size.max()
        for _ in range(MAX_STEPS):
            image = self.transposed @ (self.chosen @ direction) + self.penalty * direction
            step = size / np.maximum(np.sum(direction * image, axis=0), np.finfo(float).tiny)
            solution += step * direction
            residual -= step * image
            previous, size = size, squares(residual)
            if size.max() <= enough:
                break
            direction = residual + direction * (size / np.maximum(previous, np.finfo(float).tiny))
        return solution


def squares(columns: np.ndarray) -> np.ndarray:
    """Return (k,) the squared lengths of the columns of (M, k)."""
    return np.sum(columns * columns, axis=0)
