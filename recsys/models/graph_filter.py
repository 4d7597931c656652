"""A low-pass filter on the graph of users and movies, in closed form."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import factorial
from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import index_of
from recsys.features.train import Train
from recsys.models.base import Config, Report, Search, silent
from recsys.models.explanation import Explanation, targets_of_ratings
from recsys.models.item_weights import strongest_of_rows
from recsys.models.linear import LinearInLikes
from recsys.models.top_n import EXACT_WIDTH, dot_scores

#: Of the Runge-Kutta method.
ORDER = 4
#: Movies whose weights are made at once.
MOVIES_FILTERED_AT_ONCE = 256
#: Vectors beyond those that are kept, and passes over the graph, of the randomised decomposition.
SPARE_VECTORS = 32
PASSES = 4
#: Singular values below this, of a largest of 1, are noise.
SMALLEST = 1e-3


class GraphFilterConfig(Config):
    """Which frequencies of the graph pass, and how many weights are kept."""

    user_exponent: Annotated[float, Search(0.2, 0.6)] = Field(
        default=0.3, ge=0, le=1, description="a like is divided by this power of its user's likes"
    )
    movie_exponent: Annotated[float, Search(0.3, 0.7)] = Field(
        default=0.5, ge=0, le=1, description="a like is divided by this power of its movie's likes"
    )
    popularity_exponent: Annotated[float, Search(0, 0.6)] = Field(
        default=0.4,
        ge=0,
        le=1,
        description="a weight grows with this power of the scored movie's likes, and falls with it "
        "of the liked one's",
    )
    factors: int = Field(
        default=128,
        ge=1,
        le=EXACT_WIDTH,
        description="smoothest signals: those that pass the ideal low-pass and are sharpened",
    )
    low_pass: Annotated[float, Search(0, 0.5)] = Field(
        default=0.1, ge=0, description="weight of the ideal low-pass beside the linear one; 0: none"
    )
    low_pass_exponent: float = Field(
        default=0.5, ge=0, le=1, description="popularity_exponent of the ideal low-pass"
    )
    sharpening: Annotated[float, Search(0, 2)] = Field(
        default=0.8, ge=0, le=3, description="for how long what was filtered is sharpened; 0: none"
    )
    neighbours: int | None = Field(
        default=None,
        ge=1,
        description="weights of the linear low-pass kept for each movie, the largest; none: all",
    )


class GraphFilter(LinearInLikes):
    """A user's likes smoothed over the graph of who liked what (Shen et al. 2021, "How Powerful is
    Graph Convolution for Recommendation?", GF-CF; Choi et al. 2023, "Blurring-Sharpening Process
    Models for Collaborative Filtering", BSPM).

    R̃ (U, m) are the likes, each divided by powers of its user's and its movie's number of likes.
    P, R̃ᵀR̃ by its largest eigenvalue, is the linear low-pass; L = VVᵀ, V the first singular vectors
    of R̃, the ideal one. What they filter is sharpened by S = exp(−sharpening · P), to the fourth
    power of P, as one step of a Runge-Kutta method takes BSPM's differential equation. The weights
    are D^−e PS D^e + low_pass · D^−f LS D^f, D the movies' likes, and e and f the two exponents:
    GF-CF without sharpening and with e = 0, BSPM nearly with it.

    P is kept as a sparse matrix, by a factor that makes it nearest to PS beyond V; what is left of
    PS is kept by V. Where P is cut to the largest `neighbours` weights, sharpening takes too much
    off much-liked movies, whose P has a long tail. An explanation is exact; similar movies are
    those of P.

    Cost of a fit, R likes of U users, m movies, d factors, b = MOVIES_FILTERED_AT_ONCE: O(R d + (U
    + m) d²) for V and O(R · R/U) for P. Memory: 16R bytes for the likes each way, 4 (U + 2m)(d +
    32) for V, and what is kept: 8md, twice where the exponents differ, and 8 bytes for each pair of
    movies with a common user, or 8mk of k `neighbours`. A user's scores take O(k · R/U + m d), k
    the pairs of a movie.
    """

    name = "graph_filter"
    Config = GraphFilterConfig

    # of liked movies, and of scored ones: what is kept by V, one part for each exponent
    sources_: np.ndarray  # (p, m, d) float32
    targets_: np.ndarray  # (p, m, d) float32

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        likes = self.read(train).likes(self.like_threshold_)
        self.modelled_ = np.flatnonzero(likes.n_raters)
        ones = likes.csr(np.ones(len(likes)))[:, self.modelled_]
        graph = Graph.of(ones, self.config.user_exponent, self.config.movie_exponent)
        with threadpool_limits(self.compute.threads, "blas"):
            values, vectors = graph.smoothest(self.config.factors)
        eigenvalues = values**2 / values[0] ** 2
        slope = slope_below(float(eigenvalues[-1]), self.config.sharpening)
        gains = self.gains(eigenvalues, slope)
        scales = [graph.n_likes[:, None] ** exponent for exponent in gains]
        self.sources_ = np.stack([vectors / scale for scale in scales]).astype(np.float32)
        by_gain = zip(scales, gains.values(), strict=True)
        targets = [vectors * gain * scale for scale, gain in by_gain]
        self.targets_ = np.stack(targets).astype(np.float32)
        self.weights_ = self.linear_weights(graph)
        self.weights_.data *= np.float32(slope / values[0] ** 2)
        return self

    def gains(self, eigenvalues: np.ndarray, slope: float) -> dict[float, np.ndarray]:
        """Return by exponent what the signals with these eigenvalues (d,) of P are multiplied by,
        beside what P does by a factor, the `slope`.
        """
        sharpened = sharpening_of(eigenvalues, self.config.sharpening)
        gains = {self.config.popularity_exponent: eigenvalues * (sharpened - slope)}
        exponent = self.config.low_pass_exponent
        gains[exponent] = gains.get(exponent, 0) + self.config.low_pass * sharpened
        return gains

    def worth(self, likes: Histories) -> np.ndarray:
        return np.ones(len(likes.movies), dtype=np.float32)

    def linear_weights(self, graph: "Graph") -> sparse.csr_matrix:
        """Return the largest weights of R̃ᵀR̃ to each movie, scaled by its likes."""
        scale = graph.n_likes**self.config.popularity_exponent
        starts = range(0, len(scale), MOVIES_FILTERED_AT_ONCE)
        with ThreadPoolExecutor(self.compute.threads) as pool:
            rows = list(pool.map(partial(self.linear_rows, graph, scale), starts))
        return sparse.csr_matrix(sparse.vstack(rows)).T.tocsr()

    def linear_rows(self, graph: "Graph", scale: np.ndarray, start: int) -> sparse.csr_matrix:
        """Return (b, m) the weights to some movies, those to one as a row."""
        rows = graph.linear(slice(start, start + MOVIES_FILTERED_AT_ONCE))
        movies = start + np.repeat(np.arange(len(rows.indptr) - 1), np.diff(rows.indptr))
        rows.data *= scale[movies] / scale[rows.indices]
        rows.data[movies == rows.indices] = 0
        if self.config.neighbours is None:
            return rows
        return strongest_of_rows(rows.toarray(), self.config.neighbours)

    def score_block(self, histories: Histories) -> np.ndarray:
        scores = super().score_block(histories)
        likes = self.modelled_likes(histories)
        ones = likes.seen()[:, self.modelled_]
        for sources, targets in zip(self.sources_, self.targets_, strict=True):
            scores[:, self.modelled_] += dot_scores(ones @ sources, targets, self.compute.threads)
        return scores

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        linear = super().explain(histories, movies)
        is_like = self.is_modelled_like(histories)
        likes = histories.where(is_like)
        sources = self.sources_[:, index_of(self.modelled_, likes.movies)]
        places = targets_of_ratings(likes, index_of(self.modelled_, movies))
        shares = linear.contributions[is_like]
        for column, place in enumerate(places.T):
            smooth = np.einsum("phd,phd->h", sources, self.targets_[:, place])
            shares[:, column] += np.where(place >= 0, smooth, 0)
        return Explanation.of_likes("exact", histories, is_like, shares)

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | {"sources_": self.sources_, "targets_": self.targets_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.sources_, self.targets_ = state["sources_"], state["targets_"]


def sharpening_of(eigenvalues: np.ndarray, duration: float) -> np.ndarray:
    """Return what is left of signals with these eigenvalues of P (d,) once they are sharpened."""
    steps = [(-duration * eigenvalues) ** power / factorial(power) for power in range(ORDER + 1)]
    return np.sum(steps, axis=0)


def slope_below(largest: float, duration: float) -> float:
    """Return the c for which cλ is nearest to λ sharpened, by least squares over the eigenvalues λ
    from 0 to the `largest`.
    """
    powers = range(ORDER + 1)
    return sum((-duration * largest) ** each / factorial(each) * 3 / (each + 3) for each in powers)


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

    def linear(self, movies: slice) -> sparse.csr_matrix:
        """Return (b, m) rows of P."""
        return sparse.csr_matrix(self.by_movie[movies] @ self.by_user)

    def smoothed(self, signals: np.ndarray) -> np.ndarray:
        """Return P times signals (m, b)."""
        return self.by_movie @ (self.by_user @ signals)

    def smoothest(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest singular values (d,), at most n, and their right vectors (m, d).

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
        return values[:n_kept], basis @ vectors[:n_kept].T
