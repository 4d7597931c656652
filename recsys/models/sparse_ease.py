"""EASE with few weights a movie, for catalogues whose matrix of weights does not fit."""

from collections.abc import Iterator
from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import Config, Report, Search, silent
from recsys.models.item_weights import MOVIES_AT_ONCE, strongest
from recsys.models.linear import LinearInLikes

#: Movies whose weights are solved together: their supports share most of one small Gram matrix.
MOVIES_SOLVED_AT_ONCE = 64


class SparseEASEConfig(Config):
    """What a like weighs, how much its noise is damped, and which weights there are."""

    rating_weight: Annotated[float, Search(0, 4)] = Field(
        default=1.0,
        ge=0,
        description="what a star above the threshold adds to a like, which "
        "counts 1 at it; 0: all alike",
    )
    regularization: Annotated[float, Search(0.1, 100, log=True)] = Field(
        default=3.0,
        gt=0,
        description="λ, in units of the squared likes of a movie, as the average like sees them",
    )
    neighbours: Annotated[int, Search(20, 200, log=True)] = Field(
        default=80, ge=1, le=1_000, description="weights that each movie has"
    )
    popularity_exponent: Annotated[float, Search(0, 1)] = Field(
        default=0.5,
        ge=0,
        le=1,
        description="the neighbours are those with the largest XᵀX, divided by this power of their "
        "own squared likes: 0.5 as cosine does, 0 the most liked together",
    )


class SparseEASE(LinearInLikes):
    """EASE (Steck 2019) of which each movie has only `neighbours` weights, chosen before they are
    learned.

    With X (U, m) the likes of the m liked movies and A = XᵀX + λI, EASE's column of a movie j is
    the solution b of A b = (XᵀX)ⱼ over all other movies. Here it is the exact solution over S, the
    movies most often liked together with j: A_SS b_S = (XᵀX)_Sj, k equations for each movie. This
    is the sparse approximate inverse of A on a given pattern, as in SANSA (Spišák et al. 2023,
    "Scalable Approximate NonSymmetric Autoencoder for Collaborative Filtering"), which factorises
    A instead; each column by itself is SLIM with feature selection (Ning & Karypis 2011, section
    4.3) without its L1 term. What XᵀX has outside the pattern is not dropped but never asked.

    Cost of a fit, R likes of U users, m movies and k neighbours: O(R · R/U) for the supports, then
    O(m k³), and for each MOVIES_SOLVED_AT_ONCE movies, whose supports are of v movies, the v × v
    corner of XᵀX. Memory: 8R bytes for the likes each way, 12 × 512 m bytes of work, 16v² bytes for
    a corner, and 8mk bytes, which are kept: EASE's 4m² times 2k/m. A user's scores take
    O(k · R/U).
    """

    name = "sparse_ease"
    Config = SparseEASEConfig

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        likes = self.read(train).likes(self.like_threshold_)
        self.modelled_ = np.flatnonzero(likes.n_raters)
        matrix = likes.csr(self.entries(likes.ratings))[:, self.modelled_]
        self.weights_ = self.learn_weights(matrix)
        return self

    def entries(self, ratings: np.ndarray) -> np.ndarray:
        """Return (R,) what likes count by their stars."""
        return 1 + self.config.rating_weight * (ratings - self.like_threshold_)

    def worth(self, likes: Histories) -> np.ndarray:
        return self.entries(likes.ratings)

    def learn_weights(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the weights of the likes (U, m)."""
        by_movie = matrix.T.tocsr()
        squares = np.asarray(by_movie.power(2).sum(axis=1), dtype=np.float64).ravel()
        penalty = self.config.regularization * (squares @ squares) / squares.sum()
        closeness = self.closeness(by_movie, matrix, squares)
        # a row for each movie, of the movies that it has weights from
        supports = strongest(closeness, self.config.neighbours).T.tocsr()
        with threadpool_limits(1, "blas"):
            for start in range(0, len(squares), MOVIES_SOLVED_AT_ONCE):
                movies = np.arange(start, min(start + MOVIES_SOLVED_AT_ONCE, len(squares)))
                solve(by_movie, supports, movies, penalty)
        return supports.T.tocsr()

    def closeness(
        self, by_movie: sparse.csr_matrix, matrix: sparse.csr_matrix, squares: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Yield blocks (b, m) of what the supports are chosen by, 0 for a movie with itself."""
        scale = (squares**-self.config.popularity_exponent).astype(np.float32)
        for start in range(0, len(squares), MOVIES_AT_ONCE):
            block = (by_movie[start : start + MOVIES_AT_ONCE] @ matrix).toarray() * scale
            rows = np.arange(len(block))
            block[rows, start + rows] = 0
            yield block


def solve(
    by_movie: sparse.csr_matrix, supports: sparse.csr_matrix, movies: np.ndarray, penalty: float
) -> None:
    """Put the weights of some movies (b,) into their rows of `supports` (m, m)."""
    rows = supports[movies]
    corner = np.unique(np.concatenate([movies, rows.indices]))
    likes = by_movie[corner]
    gram = (likes @ likes.T).toarray()
    gram.flat[:: len(gram) + 1] += penalty
    is_used = np.arange(np.diff(rows.indptr).max(initial=0)) < np.diff(rows.indptr)[:, None]
    places = np.zeros(is_used.shape, dtype=np.int64)
    places[is_used] = np.searchsorted(corner, rows.indices)
    systems = gram[places[:, :, None], places[:, None, :]].astype(np.float64)
    systems[~(is_used[:, :, None] & is_used[:, None, :])] = 0
    padded, place = np.nonzero(~is_used)
    systems[padded, place, place] = 1
    targets = gram[places, np.searchsorted(corner, movies)[:, None]] * is_used
    weights = np.linalg.solve(systems, targets[:, :, None])[:, :, 0]
    first, last = supports.indptr[movies[0]], supports.indptr[movies[-1] + 1]
    supports.data[first:last] = weights[is_used]
