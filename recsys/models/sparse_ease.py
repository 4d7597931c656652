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
from recsys.models.base import Report, Search, silent
from recsys.models.item_weights import strongest_of_rows
from recsys.models.linear import LinearConfig, LinearInLikes

#: Candidates of the movies that are solved together: they share one small corner of XᵀX.
CANDIDATES_AT_ONCE = 2_000
#: Movies that each weight of a movie is chosen from.
CANDIDATES_A_WEIGHT = 3
#: Weights that a movie has at most.
MOST_WEIGHTS = 300


class SparseEASEConfig(LinearConfig):
    """What a like weighs, how much its noise is damped, and which weights there are."""

    neighbours: Annotated[int, Search(20, 200, log=True)] = Field(
        default=80,
        ge=1,
        le=1_000,
        description="weights that a movie has in the mean; more, the more it is liked",
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
    movies S: A_SS b_S = (XᵀX)_Sj. First S are the candidates, those liked most together with j;
    then, of these, the third with the largest weights. Movies have weights in proportion to the
    root of their squared likes, as lists are made of much-liked movies. This is the sparse
    approximate inverse of A on a given pattern, as in SANSA (Spišák et al. 2023, "Scalable
    Approximate NonSymmetric Autoencoder for Collaborative Filtering"), which factorises A instead;
    each column by itself is SLIM with feature selection (Ning & Karypis 2011, section 4.3) without
    its L1 term.

    Cost of a fit, R likes of U users, m movies, k neighbours and c = 3k candidates: O(R · R/U) for
    XᵀX, O(m c³) for the solutions, and for each CANDIDATES_AT_ONCE / c movies the corner of XᵀX
    that their v candidates need. Memory: 16R bytes for the likes each way, 16v² bytes for a corner,
    v at most CANDIDATES_AT_ONCE, 8vc for equations, and 8mk bytes, which are kept: EASE's 4m² times
    2k/m. A user's scores take O(k · R/U).
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
        order = np.argsort(-squares, kind="stable")
        rows = []
        with threadpool_limits(1, "blas"):
            for movies, n_weights in blocks_of(order, self.n_weights(squares[order])):
                closeness = (by_movie[movies] @ matrix).toarray() * scale
                closeness[np.arange(len(movies)), movies] = 0
                candidates = strongest_of_rows(closeness, CANDIDATES_A_WEIGHT * n_weights[0])
                rows.append(solved(by_movie, movies, n_weights, candidates, penalty))
        weights = sparse.csr_matrix(sparse.vstack(rows))
        return weights[np.argsort(order)].T.tocsr()

    def n_weights(self, squares: np.ndarray) -> np.ndarray:
        """Return (m,) how many weights each movie has: `neighbours` in the mean, and more the more
        it is liked. On UltraGCN's split of ML-1M, that loses half as much to EASE as equal numbers.
        """
        shares = np.sqrt(squares) / np.sqrt(squares).mean()
        return np.clip(np.floor(self.config.neighbours * shares), 1, MOST_WEIGHTS).astype(np.int64)


def blocks_of(movies: np.ndarray, n_weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield movies that are solved together, with how many weights each has; those with the most
    come first.
    """
    start = 0
    while start < len(movies):
        n_candidates = CANDIDATES_A_WEIGHT * int(n_weights[start])
        block = slice(start, start + max(CANDIDATES_AT_ONCE // n_candidates, 1))
        yield movies[block], n_weights[block]
        start = block.stop


def solved(
    by_movie: sparse.csr_matrix,
    movies: np.ndarray,
    n_weights: np.ndarray,
    candidates: sparse.csr_matrix,
    penalty: float,
) -> sparse.csr_matrix:
    """Return (b, m) the weights to the movies (b,), those to one as a row: of its candidates, the
    `n_weights` (b,) largest, solved again without the others.
    """
    corner = np.unique(np.concatenate([movies, candidates.indices]))
    likes = by_movie[corner]
    gram = (likes @ likes.T).toarray()
    gram.flat[:: len(gram) + 1] += penalty
    targets = np.searchsorted(corner, movies)
    places = padded(candidates, corner)
    weights = np.abs(ridge(gram, places, targets))
    order = np.argsort(-weights, axis=1, kind="stable")[:, : n_weights[0]]
    places = np.take_along_axis(places, order, axis=1)
    places[np.arange(places.shape[1]) >= n_weights[:, None]] = -1
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
