"""From what a movie is to where the towers would have put it."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge


@dataclass(frozen=True)
class ContentMap:
    """Attributes to factors by ridge regression (Gantner et al. 2010, "Learning
    Attribute-to-Feature Mappings for Cold-Start Recommendations"): `weights` (F, d + 1) float32 and
    `constant` (d + 1,), the bias among them.

    Learned after the towers and not with them: a deep content tower trained along learns the
    catalogue by heart, since every title is its own, and ranks new movies worse than a profile of
    genres does.
    """

    weights: np.ndarray
    constant: np.ndarray

    @classmethod
    def fit(cls, content: sparse.csr_matrix, vectors: np.ndarray, decay: float) -> "ContentMap":
        """From the content (N, F) and the vectors (N, d + 1) of the rated movies, each counting
        alike.
        """
        ridge = Ridge(alpha=decay, solver="sparse_cg", tol=1e-5).fit(
            content.astype(np.float64), vectors.astype(np.float64)
        )
        return cls(ridge.coef_.T.astype(np.float32), np.asarray(ridge.intercept_, dtype=np.float32))

    def vectors(self, content: sparse.csr_matrix) -> np.ndarray:
        """(N, d + 1) float32 ranking vectors of movies by their content (N, F)."""
        return content @ self.weights + self.constant
