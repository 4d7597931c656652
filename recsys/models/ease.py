"""EASE: a linear autoencoder of users' likes, in closed form."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from scipy.linalg import get_lapack_funcs
from threadpoolctl import threadpool_limits

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.features.train import Train
from recsys.models.base import Report, silent
from recsys.models.item_weights import MOVIES_AT_ONCE, strongest
from recsys.models.linear import LinearConfig, LinearInLikes
from recsys.models.recency import n_later_likes

BYTES_A_GB = 1e9
BYTES_A_WEIGHT = 4


class EASEConfig(LinearConfig):
    """What a like weighs, how much its noise is damped, and how large the matrix of weights may
    be.
    """

    history_half_life: float | None = Field(
        default=None,
        gt=0,
        description="later likes of the same user after which an own like counts half; none: never",
    )
    neighbours: int | None = Field(
        default=None, ge=1, description="weights kept for each movie, the largest; none: all"
    )
    max_movies: int | None = Field(
        default=None,
        ge=1,
        description="only this many movies, the most liked; none: all liked ones",
    )
    max_memory_gb: float = Field(
        default=4.0, gt=0, description="a larger matrix is refused before it is allocated"
    )


class EASE(LinearInLikes):
    """Each movie's likes foretold from a user's other likes (Steck, "Embarrassingly Shallow
    Autoencoders for Sparse Data", 2019).

    With X (U, m) the likes of the m liked movies and P = (XᵀX + λI)⁻¹, the weights are B = I − P /
    diag(P), and a user's scores the user's row of X times B.

    Cost of a fit, R likes of U users and m ≤ M movies: O(R · R/U) for XᵀX and O(m³) for the
    inverse, computed in place in 4m² bytes (1.6 GB for 20,000 movies) whatever `neighbours` is;
    kept are 4m² bytes, or 8mk with k `neighbours`. A user's scores take O(m · R/U), or O(k · R/U).
    """

    name = "ease"
    Config = EASEConfig

    weights_: Any  # B: CSR with `neighbours`, else an array

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        likes = self.read(train).likes(self.like_threshold_)
        self.modelled_ = self.most_liked(likes)
        self.check_memory(len(self.modelled_))
        matrix = likes.csr(self.entries(likes.ratings))[:, self.modelled_]
        self.weights_ = self.learn_weights(matrix)
        return self

    def entries(self, ratings: np.ndarray) -> np.ndarray:
        """Return (R,) what likes count by their stars."""
        return 1 + self.config.rating_weight * (ratings - self.like_threshold_)

    def most_liked(self, likes: Interactions) -> np.ndarray:
        """Return (m,) positions, ascending, of the liked movies, or of the `max_movies` most liked;
        ties by movie id.
        """
        order = np.argsort(-likes.n_raters, kind="stable")[: np.count_nonzero(likes.n_raters)]
        return np.sort(order[: self.config.max_movies])

    def check_memory(self, n_movies: int) -> None:
        """Raise ModelError where the matrix of so many movies is too large."""
        needed = n_movies**2 * BYTES_A_WEIGHT
        limit = self.config.max_memory_gb * BYTES_A_GB
        if needed > limit:
            fitting = int((limit / BYTES_A_WEIGHT) ** 0.5)
            raise ModelError(
                f"ease: {n_movies:,} liked movies need a matrix of {needed / BYTES_A_GB:.3g} GB; "
                "max_memory_gb is"
                f" {self.config.max_memory_gb:g}: raise it, or set max_movies to at most "
                f"{fitting:,}"
            )

    def fading(self, likes: Histories) -> np.ndarray:
        """Return (R,) what each like is worth by how many later ones the same user gave.

        Not by days: most people rate in a few sessions, and it is the place within a session that
        says what comes next.
        """
        if self.config.history_half_life is None:
            return np.ones(len(likes.movies))
        return np.exp2(-n_later_likes(likes) / self.config.history_half_life)

    def worth(self, likes: Histories) -> np.ndarray:
        """Return (R,) what likes count by their stars and their place in the history."""
        return self.entries(likes.ratings) * self.fading(likes)

    def learn_weights(self, matrix: sparse.csr_matrix) -> Any:
        """Return B of the likes (U, m): an array, or CSR with `neighbours`."""
        dense = gram(matrix)
        dense.flat[:: len(dense) + 1] += self.penalty(np.diagonal(dense).astype(np.float64))
        with threadpool_limits(self.compute.threads, "blas"):
            invert(dense)
        dense /= -np.diagonal(dense).copy()
        np.fill_diagonal(dense, 0)
        if self.config.neighbours is None:
            return dense
        return strongest(columns(dense), self.config.neighbours)

    def penalty(self, squares: np.ndarray) -> float:
        """Return λ by movies' squared likes (m,): without a scale taken from the data, a setting
        that suits one data set is far off on a smaller one.
        """
        return self.config.regularization * (squares @ squares) / squares.sum()


def gram(matrix: sparse.csr_matrix) -> np.ndarray:
    """Return (m, m) float32 XᵀX of a sparse X (U, m), some rows at a time: as a sparse matrix it
    would take three times the room.
    """
    by_movie = matrix.T.tocsr()
    n_movies = len(by_movie.indptr) - 1
    gram = np.empty((n_movies, n_movies), dtype=np.float32)
    for start in range(0, n_movies, MOVIES_AT_ONCE):
        rows = slice(start, start + MOVIES_AT_ONCE)
        gram[rows] = (by_movie[rows] @ matrix).toarray()
    return gram


def invert(symmetric: np.ndarray) -> None:
    """Put the inverse of a positive definite matrix (m, m) in its place. Raises ModelError where
    rounding spoils it.
    """
    fortran = symmetric.T  # a C-ordered matrix's transpose is what LAPACK works on in place
    factorize, invert = get_lapack_funcs(("potrf", "potri"), (fortran,))
    _, failed = factorize(fortran, lower=1, clean=0, overwrite_a=1)
    if not failed:
        _, failed = invert(fortran, lower=1, overwrite_c=1)
    if failed:
        raise ModelError(
            f"ease: the matrix of {len(symmetric):,} movies can't be inverted; "
            "expected a larger regularization"
        )
    mirror_upper(symmetric)


def mirror_upper(matrix: np.ndarray) -> None:
    """Copy the upper triangle over the lower one, in place."""
    for start in range(0, len(matrix), MOVIES_AT_ONCE):
        rows = slice(start, start + MOVIES_AT_ONCE)
        corner = np.triu(matrix[rows, rows])
        matrix[rows, rows] = corner + np.triu(corner, 1).T
        matrix[rows.stop :, rows] = matrix[rows, rows.stop :].T


def columns(dense: np.ndarray) -> Iterator[np.ndarray]:
    """Yield blocks (b, m) of the columns of (m, m), each column as a row."""
    for start in range(0, len(dense), MOVIES_AT_ONCE):
        yield np.ascontiguousarray(dense[:, start : start + MOVIES_AT_ONCE].T)
