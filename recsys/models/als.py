"""Matrix factorisation of likes by alternating least squares, from the `implicit` library."""

from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import Config, DotProduct, Report, Search, TopN, silent
from recsys.models.explanation import Explanation
from recsys.models.from_likes import FromLikes
from recsys.models.least_squares import Ridge, SolvedUsers, solve_users
from recsys.models.recency import faded
from recsys.models.top_n import EXACT_WIDTH

if TYPE_CHECKING:
    from implicit.cpu.als import AlternatingLeastSquares


class ALSConfig(Config):
    """Settings in the terms of Rendle et al. 2022, "Revisiting the Performance of iALS on Item
    Recommendation Benchmarks".
    """

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


class ALS(FromLikes, DotProduct):
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

    Users are no part of the model: a user's vector is the exact solution, given the movies'
    vectors, for the likes in the history at hand (the same normal equations that a sweep solves).

    Cost of a fit, R likes of U users and M movies, d factors: O(R d + (U + M) d²) time an
    iteration, with the 3 conjugate gradient steps that `implicit` makes for each vector; 8R bytes
    for the likes each way, and 4d (U + M) bytes for the vectors, of which 4dM are kept. A user's
    vector takes O(n d² + d³) of n likes, the scores O(d M); a list less, as most movies' vectors
    are too short for it.
    """

    name = "als"
    Config = ALSConfig
    array_names = ("movie_factors_", "liked_", "mean_weight_", "newest_", "regularization_")

    movie_factors_: np.ndarray  # (M, factors) float32, 0 where nobody liked the movie
    mean_weight_: np.ndarray  # () float64, of the likes before they are scaled to a mean of 1
    newest_: np.ndarray  # () int64, epoch seconds that likes' ages count from
    regularization_: np.ndarray  # () float64, of a vector
    users_: Ridge  # what users' vectors are solved by

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        matrix = self.confidences(train)
        solver = self.solver(matrix)
        with threadpool_limits(1, "blas"):
            solver.fit(matrix, show_progress=False)
        self.movie_factors_ = np.zeros((len(self.liked_), solver.factors), dtype=np.float32)
        self.movie_factors_[self.liked_] = solver.item_factors
        self.regularization_ = np.array(solver.regularization)
        self.users_ = Ridge(self.movie_factors_, solver.regularization)
        return self

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.users_ = Ridge(self.movie_factors_, float(self.regularization_))

    def confidences(self, train: Train) -> sparse.csr_matrix:
        """Return (U, liked movies) float32 of the likes. Frees its inputs before the solver
        allocates.
        """
        ratings = self.read(train)
        self.newest_ = np.array(ratings.newest)
        likes = ratings.likes(self.like_threshold_)
        self.liked_ = likes.n_raters > 0
        weights = self.weights(likes.ratings, likes.rated_at)
        self.mean_weight_ = np.array(weights.mean())
        return likes.csr(weights / self.mean_weight_)[:, self.liked_]

    def weights(self, ratings: np.ndarray, rated_at: np.ndarray) -> np.ndarray:
        """Return (R,) float64 weights of likes: they grow with the stars above the threshold, and
        halve with every half-life of age.
        """
        stars = 1 + self.config.rating_weight * (ratings - self.like_threshold_)
        return stars * faded(self.newest_ - rated_at, self.config.recency_half_life_days)

    def solver(self, matrix: sparse.csr_matrix) -> "AlternatingLeastSquares":
        """Build the library's solver for likes (U, liked movies).

        Its loss is the paper's times 1 + 1/w (w: unobserved weight): a like weighs 1 + 1/w, any
        other pair 1. Its one regularization for all vectors is the mean of the paper's, which for
        each vector is λ times the weight it is fitted to. Without that scaling, a setting that
        suits one data set is far off on a smaller one.
        """
        # here, as asking a model needs neither; torch first: implicit's wheel looks for the
        # libgomp.so.1 that torch brings
        import torch  # noqa: F401
        from implicit.cpu.als import AlternatingLeastSquares

        n_users, n_movies = matrix.get_shape()
        weight = self.config.unobserved_weight
        fitted_to = matrix.nnz + weight * n_users * n_movies
        mean_weight = 2 * fitted_to / (n_users + n_movies)
        with threadpool_limits(1, "blas"):
            return AlternatingLeastSquares(
                factors=self.config.factors,
                alpha=self.alpha,
                regularization=self.config.regularization * self.alpha * mean_weight,
                iterations=self.config.iterations,
                num_threads=self.compute.threads,
                random_state=self.compute.seed,
            )

    @property
    def alpha(self) -> float:
        """What an average like weighs where any other pair weighs 1."""
        return 1 + 1 / self.config.unobserved_weight

    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        likes = self.liked_movies(histories)
        users = solve_users(likes, self.trust(likes), self.users_, self.compute.threads)
        return users, self.movie_factors_

    def trust(self, likes: Histories) -> np.ndarray:
        """Return (H,) confidences of likes."""
        weights = self.weights(likes.ratings, likes.rated_at) / self.mean_weight_
        return self.alpha * weights

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = self.is_liked_movie(histories)
        shares = self.solved(histories.where(is_like)).shares(movies)
        return Explanation.of_likes("exact", histories, is_like, shares)

    def explained_top_n(
        self, histories: Histories, n: int, k: int, offered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, Explanation]:
        # a user's equations are factorised once, for the list and for its reasons
        is_like = self.is_liked_movie(histories)
        users = self.solved(histories.where(is_like))
        positions, scores = self.best_by(
            (users.vectors, self.movie_factors_), histories, n, offered
        )
        shares = users.shares(positions[:, :k])
        return positions, scores, Explanation.of_likes("exact", histories, is_like, shares)

    def solved(self, likes: Histories) -> SolvedUsers:
        """Solve the users' equations, and keep them."""
        return SolvedUsers(likes, self.trust(likes), self.users_, self.compute.threads)

    def similar(self, n: int) -> TopN:
        return self.nearest(self.movie_factors_, n)
