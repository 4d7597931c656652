"""Matrix factorisation of likes by alternating least squares, from the `implicit` library."""

from typing import Annotated, Self

import numpy as np
import torch  # noqa: F401 - first: its libgomp.so.1 is the one that implicit's wheel looks for and does not bring
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Config, DotProduct, Report, Search, silent
from recsys.models.recency import faded
from recsys.models.top_n import EXACT_WIDTH


class ALSConfig(Config):
    """Settings in the terms of Rendle et al. 2022, "Revisiting the Performance of iALS on Item
    Recommendation Benchmarks".
    """

    like_threshold: float = Field(default=4.0, description="a rating from here on is a like")
    factors: Annotated[int, Search(64, 256, doubled=True)] = Field(
        default=64, ge=1, le=EXACT_WIDTH, description="length of a user's and of a movie's vector"
    )
    rating_weight: float = Field(
        default=1.0,
        ge=0,
        description="what a star above the threshold adds to a like's "
        "confidence, 1 at it; 0: all alike",
    )
    unobserved_weight: Annotated[float, Search(0.003, 3, log=True)] = Field(
        default=0.3, gt=0, description="weight of every pair; an average like weighs 1 more"
    )
    regularization: Annotated[float, Search(0.0005, 0.5, log=True)] = Field(
        default=0.018,
        gt=0,
        description="λ of a vector, for each unit of weight that the vector is fitted to",
    )
    iterations: int = Field(default=15, ge=1, description="sweeps over users and movies")
    recency_half_life_days: float | None = Field(
        default=None,
        gt=0,
        description="age, back from the newest rating, at which a like's "
        "confidence is half; none: never",
    )


class ALS(DotProduct):
    """Implicit-feedback matrix factorisation (Hu, Koren & Volinsky 2008), fitted to likes alone.

    A like's confidence grows with its stars above the threshold and, where a half-life is set,
    fades with its age. The model knows the users who liked something; a movie that nobody liked has
    taught it nothing: its score is −inf and it is never recommended.

    How to search its settings (Rendle, Krichene, Zhang & Koren, section 3): with few factors and 16
    or so iterations, search `unobserved_weight` and `regularization` together, on a grid of powers,
    for neither can be judged at a bad value of the other; widen the grid while the best lies on its
    edge. Then double the factors for as long as validation improves and time allows, each time
    searching both again close by, as the best move slowly. Last, see whether more iterations still
    help.

    Cost of a fit, R likes of U users and M movies, d factors: O(R d + (U + M) d²) time an
    iteration, with the 3 conjugate gradient steps that `implicit` makes for each vector; 8R bytes
    for the likes each way, and 4d (U + M) bytes for the vectors, which are what is kept. A user's
    scores take O(d M); a list less, as most movies' vectors are too short for it.
    """

    name = "als"
    Config = ALSConfig
    array_names = ("user_factors_", "movie_factors_", "liked_")

    user_factors_: np.ndarray  # (U, factors) float32
    movie_factors_: np.ndarray  # (M, factors) float32, 0 where nobody liked the movie
    liked_: np.ndarray  # (M,) bool: somebody liked the movie

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        matrix = self.confidences(train)
        solver = self.solver(len(self.user_ids_), int(self.liked_.sum()), n_likes=matrix.nnz)
        with threadpool_limits(1, "blas"):
            solver.fit(matrix, show_progress=False)
        self.user_factors_ = np.ascontiguousarray(solver.user_factors)
        self.movie_factors_ = np.zeros((len(self.liked_), solver.factors), dtype=np.float32)
        self.movie_factors_[self.liked_] = solver.item_factors
        return self

    def confidences(self, train: Interactions) -> sparse.csr_matrix:
        """Return (U, liked movies) float32 of the likes. Frees its inputs before the solver
        allocates.
        """
        likes = train.likes(self.config.like_threshold)
        self.user_ids_ = likes.user_ids
        self.movie_ids_ = likes.movie_ids
        self.liked_ = likes.n_raters > 0
        confidence = self.confidence(likes.ratings, age_seconds=train.newest - likes.rated_at)
        return likes.csr(confidence)[:, self.liked_]

    def confidence(self, ratings: np.ndarray, *, age_seconds: np.ndarray) -> np.ndarray:
        """Return (R,) weights of mean 1: they grow with the stars above the threshold, and halve
        with every half-life of age.
        """
        stars = 1 + self.config.rating_weight * (ratings - self.config.like_threshold)
        weights = stars * faded(age_seconds, self.config.recency_half_life_days)
        return weights / weights.mean()

    def solver(self, n_users: int, n_movies: int, *, n_likes: int) -> AlternatingLeastSquares:
        """Build the library's solver.

        Its loss is the paper's times 1 + 1/w (w: unobserved weight): a like weighs 1 + 1/w, any
        other pair 1. Its one regularization for all vectors is the mean of the paper's, which for
        each vector is λ times the weight it is fitted to. Without that scaling, a setting that
        suits one data set is far off on a smaller one.
        """
        weight = self.config.unobserved_weight
        fitted_to = n_likes + weight * n_users * n_movies
        mean_weight = 2 * fitted_to / (n_users + n_movies)
        with threadpool_limits(1, "blas"):
            return AlternatingLeastSquares(
                factors=self.config.factors,
                alpha=1 + 1 / weight,
                regularization=self.config.regularization * (1 + 1 / weight) * mean_weight,
                iterations=self.config.iterations,
                num_threads=self.compute.threads,
                random_state=self.compute.seed,
            )

    def vectors(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.user_factors_[index_of(self.user_ids_, users)], self.movie_factors_

    def ranked(self) -> np.ndarray:
        return self.liked_
