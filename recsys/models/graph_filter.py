"""A low-pass filter on the graph of users and movies, in closed form."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
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

#: Movies whose weights are made at once.
MOVIES_FILTERED_AT_ONCE = 256
#: Vectors beyond those that are kept, and passes over the graph, of the randomised decomposition.
SPARE_VECTORS = 32
PASSES = 4
#: Singular values below this, of a largest of 1, are noise.
SMALLEST = 1e-3


class GraphFilterConfig(Config):
    """Which frequencies of the graph pass, and how many weights are kept."""

    user_exponent: Annotated[float, Search(0.3, 0.7)] = Field(
        default=0.5, ge=0, le=1, description="a like is divided by this power of its user's likes"
    )
    movie_exponent: Annotated[float, Search(0.3, 0.7)] = Field(
        default=0.5, ge=0, le=1, description="a like is divided by this power of its movie's likes"
    )
    popularity_exponent: Annotated[float, Search(0, 1)] = Field(
        default=0.5,
        ge=0,
        le=1,
        description="a weight grows with this power of the scored movie's likes, and falls with it "
        "of the liked one's",
    )
    factors: int = Field(
        default=256, ge=1, le=2_048, description="smoothest signals that pass the ideal low-pass"
    )
    low_pass: Annotated[float, Search(0, 1)] = Field(
        default=0.3, ge=0, description="weight of the ideal low-pass beside the linear one; 0: none"
    )
    sharpening: Annotated[float, Search(0, 1)] = Field(
        default=0.0, ge=0, description="how much of the filtered is taken off what was filtered"
    )
    neighbours: int = Field(
        default=500, ge=1, description="weights kept for each movie, the largest"
    )


class GraphFilter(LinearInLikes):
    """A user's likes smoothed over the graph of who liked what (Shen et al. 2021, "How Powerful is
    Graph Convolution for Recommendation?", GF-CF; Choi et al. 2023, "Blurring-Sharpening Process
    Models for Collaborative Filtering", BSPM).

    R̃ (U, m) are the likes, each divided by powers of its user's and its movie's number of likes.
    P = R̃ᵀR̃ is the linear low-pass; L = VVᵀ, V the first singular vectors of R̃, the ideal one.
    The weights are D^−e (P + low_pass · L)(I − sharpening · P) D^e, D the movies' likes: GF-CF
    without sharpening; with it, one step of BSPM's ODE each way. GF-CF scales L alone by D; here P
    is scaled too, which ranks better.

    Of the weights each movie keeps the largest `neighbours`, so that all that a list needs is a
    sparse product, and an explanation is exact.

    Cost of a fit, R likes of U users, m movies, d factors, b = MOVIES_FILTERED_AT_ONCE: O(R d + (U
    + m) d²) for V, then O(m R) with sharpening, else O(R · R/U), and O(m² d) for L. Memory: 16R
    bytes for the likes each way, 4 (U + 2m)(d + 32) for V, for each thread 4b (3m + U), and 8mk
    bytes of k `neighbours`, which are kept; nothing of m². A user's scores take O(k · R/U).
    """

    name = "graph_filter"
    Config = GraphFilterConfig

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        likes = self.read(train).likes(self.like_threshold_)
        self.modelled_ = np.flatnonzero(likes.n_raters)
        ones = likes.csr(np.ones(len(likes)))[:, self.modelled_]
        graph = Graph.of(ones, self.config.user_exponent, self.config.movie_exponent)
        with threadpool_limits(self.compute.threads, "blas"):
            smooth = graph.smoothest(self.config.factors) if self.config.low_pass else None
        self.weights_ = self.learn_weights(graph, smooth)
        return self

    def worth(self, likes: Histories) -> np.ndarray:
        return np.ones(len(likes.movies), dtype=np.float32)

    def learn_weights(self, graph: "Graph", smooth: np.ndarray | None) -> sparse.csr_matrix:
        """Return the weights, each movie's made by itself."""
        starts = range(0, len(graph.n_likes), MOVIES_FILTERED_AT_ONCE)
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.compute.threads) as pool:
            rows = list(pool.map(partial(self.columns, graph, smooth), starts))
        return sparse.vstack(rows, format="csr").T.tocsr()

    def columns(self, graph: "Graph", smooth: np.ndarray | None, start: int) -> sparse.csr_matrix:
        """Return (b, m) the weights to some movies, those to one as a row."""
        movies = slice(start, start + MOVIES_FILTERED_AT_ONCE)
        passed = graph.linear(movies)
        if smooth is not None:
            passed += self.config.low_pass * (smooth.T @ smooth[:, movies])
        if self.config.sharpening:
            passed -= self.config.sharpening * graph.smoothed(passed)
        scale = graph.n_likes**self.config.popularity_exponent
        passed *= scale[movies] / scale[:, None]
        rows = np.arange(passed.shape[1])
        passed[start + rows, rows] = 0
        return strongest_of_rows(np.ascontiguousarray(passed.T), self.config.neighbours)


@dataclass(frozen=True)
class Graph:
    """Normalised likes (U, m) each way, and `n_likes` (m,) float32 of each movie."""

    by_user: sparse.csr_matrix
    by_movie: sparse.csr_matrix
    n_likes: np.ndarray

    @classmethod
    def of(cls, likes: sparse.csr_matrix, user_exponent: float, movie_exponent: float) -> "Graph":
        """Normalise the likes (U, m), each of them 1."""
        of_users = np.diff(likes.indptr).astype(np.float64)
        n_likes = np.bincount(likes.indices, minlength=likes.get_shape()[1]).astype(np.float64)
        of_likes = np.repeat(of_users, np.diff(likes.indptr))
        data = of_likes**-user_exponent * n_likes[likes.indices] ** -movie_exponent
        by_user = likes.copy()
        by_user.data = data.astype(np.float32)
        return cls(by_user, by_user.T.tocsr(), n_likes.astype(np.float32))

    def linear(self, movies: slice) -> np.ndarray:
        """Return (m, b) columns of P."""
        return (self.by_movie @ self.by_movie[movies].T.tocsr()).toarray()

    def smoothed(self, signals: np.ndarray) -> np.ndarray:
        """Return P times signals (m, b)."""
        return self.by_movie @ (self.by_user @ signals)

    def smoothest(self, n: int) -> np.ndarray:
        """Return (n or fewer, m) float32 right singular vectors, those of the largest values.

        By subspace iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4). The start is always
        the same: it decides nothing but the last digits.
        """
        width = min(n + SPARE_VECTORS, *self.by_user.get_shape())
        rng = np.random.default_rng(0)
        basis = rng.standard_normal((len(self.n_likes), width), dtype=np.float32)
        for _ in range(PASSES):
            basis, _ = np.linalg.qr(self.smoothed(basis))
        _, values, vectors = np.linalg.svd(self.by_user @ basis, full_matrices=False)
        n_kept = min(n, int((values > SMALLEST * values[0]).sum()))
        return np.ascontiguousarray((basis @ vectors[:n_kept].T).T)
