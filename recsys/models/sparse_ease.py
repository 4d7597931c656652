"""EASE with few weights a movie, for catalogues whose matrix of weights does not fit."""

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import Config, Report, Search, silent
from recsys.models.item_weights import strongest_of_rows
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
    candidates: int = Field(
        default=240,
        ge=1,
        le=1_000,
        description="movies that each movie's neighbours are chosen from, by their weights among "
        "all of these",
    )
    popularity_exponent: Annotated[float, Search(0, 1)] = Field(
        default=0.5,
        ge=0,
        le=1,
        description="the candidates are those with the largest XᵀX, divided by this power of their "
        "own squared likes: 0.5 as cosine does, 0 the most liked together",
    )


class SparseEASE(LinearInLikes):
    """EASE (Steck 2019) of which each movie has only `neighbours` weights, chosen before they are
    learned.

    With X (U, m) the likes of the m liked movies and A = XᵀX + λI, EASE's column of a movie j is
    the solution b of A b = (XᵀX)ⱼ over all other movies. Here it is the exact solution over some
    movies S: A_SS b_S = (XᵀX)_Sj. First S are the `candidates` liked most together with j; then,
    of these, the `neighbours` with the largest weights. This is the sparse approximate inverse of A
    on a given pattern, as in SANSA (Spišák et al. 2023, "Scalable Approximate NonSymmetric
    Autoencoder for Collaborative Filtering"), which factorises A instead; each column by itself is
    SLIM with feature selection (Ning & Karypis 2011, section 4.3) without its L1 term.

    Cost of a fit, R likes of U users, m movies, c candidates and k neighbours: O(R · R/U) for XᵀX,
    O(m c³) for the solutions, and for each b = MOVIES_SOLVED_AT_ONCE movies, whose candidates are v
    different ones, the v × v corner of XᵀX. Memory: 16R bytes for the likes each way, 8bm bytes for
    a block of XᵀX, 16v² bytes for a corner, 4bc² bytes for its systems, and 8mk bytes, which are
    kept: EASE's 4m² times 2k/m. A user's scores take O(k · R/U).
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
        scale = (squares**-self.config.popularity_exponent).astype(np.float32)
        rows = []
        with threadpool_limits(1, "blas"):
            for start in range(0, len(squares), MOVIES_SOLVED_AT_ONCE):
                movies = np.arange(start, min(start + MOVIES_SOLVED_AT_ONCE, len(squares)))
                closeness = (by_movie[movies] @ matrix).toarray() * scale
                closeness[np.arange(len(movies)), movies] = 0
                candidates = strongest_of_rows(closeness, self.n_candidates)
                rows.append(self.solved(by_movie, movies, candidates, penalty))
        return sparse.vstack(rows, format="csr").T.tocsr()

    @property
    def n_candidates(self) -> int:
        return max(self.config.candidates, self.config.neighbours)

    def solved(
        self,
        by_movie: sparse.csr_matrix,
        movies: np.ndarray,
        candidates: sparse.csr_matrix,
        penalty: float,
    ) -> sparse.csr_matrix:
        """Return (b, m) the weights to the movies (b,), those to one as a row."""
        corner = np.unique(np.concatenate([movies, candidates.indices]))
        likes = by_movie[corner]
        gram = (likes @ likes.T).toarray()
        gram.flat[:: len(gram) + 1] += penalty
        targets = np.searchsorted(corner, movies)
        places = padded(candidates, corner)
        weights = ridge(gram, places, targets)
        if places.shape[1] > self.config.neighbours:
            order = np.argsort(-np.abs(weights), axis=1, kind="stable")
            places = np.take_along_axis(places, order[:, : self.config.neighbours], axis=1)
            weights = ridge(gram, places, targets)
        rows, columns = np.nonzero(places >= 0)
        positions = (rows, corner[places[rows, columns]])
        return sparse.csr_matrix((weights[rows, columns], positions), shape=candidates.get_shape())


def padded(supports: sparse.csr_matrix, corner: np.ndarray) -> np.ndarray:
    """Return (b, k) where the columns of each row of `supports` are in `corner`, then −1."""
    lengths = np.diff(supports.indptr)
    is_used = np.arange(lengths.max(initial=0)) < lengths[:, None]
    places = np.full(is_used.shape, -1, dtype=np.int64)
    places[is_used] = np.searchsorted(corner, supports.indices)
    return places


def ridge(gram: np.ndarray, places: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return (b, k) float32 the solution for each target (b,) over its own places (b, k), 0 where
    that is −1, of a damped XᵀX (v, v).
    """
    is_used = places >= 0
    systems = gram[places[:, :, None], places[:, None, :]]
    systems *= is_used[:, :, None] & is_used[:, None, :]
    rows, unused = np.nonzero(~is_used)
    systems[rows, unused, unused] = 1
    goals = gram[places, targets[:, None]] * is_used
    return np.linalg.solve(systems, goals[:, :, None])[:, :, 0]
