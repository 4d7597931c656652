"""SVD and SVD++: stars by biases and vectors of users and movies, lists by singular vectors of
likes.
"""

from itertools import islice
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Train
from recsys.models.base import DotProduct, PredictsRatings, Report, TopN, silent
from recsys.models.explanation import Explanation
from recsys.models.factors.config import FactorsConfig, SVDPPConfig
from recsys.models.factors.ranking import SingularVectors
from recsys.models.factors.sampler import Sampler, SamplerConfig
from recsys.models.factors.stars import Stars
from recsys.models.from_likes import shares_of_likes
from recsys.models.saved_arrays import part_of
from recsys.models.similar import nearest_by_vectors

#: What the arrays of the parts begin with in a saved model.
STARS, RANKING = "stars.", "ranking."


class SVD(DotProduct, PredictsRatings):
    """Biased matrix factorisation (Koren 2008, "Factorization Meets the Neighborhood", section
    2.3): a rating is the mean, the biases of user and movie, and the product of their vectors.

    What differs from the paper: vectors and biases are not fitted by gradient descent under a
    penalty that has to be searched. They are drawn from their posterior by Gibbs sampling
    (Salakhutdinov & Mnih 2008, BPMF), penalties too, and stars are the mean over the draws. And no
    user is kept: in each draw, a user's bias and vector are the exact solution of a ridge
    regression of the stars in the history at hand on the movies' vectors.

    A model of stars says little of what will be watched at all (Cremonesi, Koren & Turrin 2010,
    "Performance of Recommender Algorithms on Top-N Recommendation Tasks"), so that lists are made
    after that paper's PureSVD, from likes: a score is the sum over the user's likes of products of
    singular vectors, which a movie's popularity is divided out of to a power (Nikolakopoulos et al.
    2019, "EigenRec"). Ranking knows the users who liked something.

    Cost of a fit, R ratings of U users and M movies, k = factors + 1, S draws kept of D: O(D (R k²
    + (U + M) k³)) time, 1 second a draw of a million ratings at k = 33; 28 bytes a rating, twice.
    Kept are 4 S M k bytes and the singular vectors, 8 M f bytes of f. Stars of a user of n ratings
    take O(S (n k² + k³)).
    """

    name = "svd"
    Config = FactorsConfig
    array_names = ("liked_", "rating_range_")

    liked_: np.ndarray  # (M,) bool: somebody liked the movie
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen
    ranking_: SingularVectors
    stars_: Stars

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        ratings = self.read(train)
        self.rating_range_ = ratings.rating_range
        self.fit_ranking(ratings.likes(self.like_threshold_))
        self.fit_stars(ratings, report)
        return self

    def fit_ranking(self, likes: Interactions) -> None:
        """Take the singular vectors of the likes."""
        self.liked_ = likes.n_raters > 0
        matrix = likes.csr(np.ones(len(likes), dtype=np.float32))
        with threadpool_limits(1, "blas"):
            self.ranking_ = SingularVectors.of(
                matrix,
                self.config.ranking_factors,
                self.config.popularity_power,
                self.compute.seed,
            )

    def fit_stars(self, ratings: Interactions, report: Report) -> None:
        """Draw the movies' vectors, and keep them."""
        sampler = Sampler(ratings, self.sampled(), self.compute)
        draws = sampler.run(self.config.warm_up + self.config.draws, report)
        self.stars_ = Stars.of(sampler.mean, islice(draws, self.config.warm_up, None))

    def sampled(self) -> SamplerConfig:
        """Return what is drawn."""
        return SamplerConfig(self.config.factors)

    def knows(self, histories: Histories) -> np.ndarray:
        return self.likes_in(histories).lengths > 0

    def ranked(self) -> np.ndarray:
        return self.liked_

    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        return self.ranking_.users(self.likes_in(histories)), self.ranking_.movies

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = histories.ratings >= self.like_threshold_
        likes = histories.where(is_like)
        shares = shares_of_likes(likes, self.ranking_.liked, self.ranking_.movies, movies)
        return Explanation.of_likes("exact", histories, is_like, shares)

    def similar(self, n: int) -> TopN:
        vectors = self.ranking_.liked
        return self.list_ids(*nearest_by_vectors(vectors, self.liked_, n, self.compute.threads))

    def predict(self, users: np.ndarray, movies: np.ndarray, histories: Interactions) -> np.ndarray:
        everyone, rows = np.unique(users, return_inverse=True)
        columns = index_of(self.movie_ids_, movies)
        of_users = histories.histories_of(everyone)
        stars = self.stars_.predict(of_users, rows, columns, self.compute.threads)
        return stars.clip(*self.rating_range_).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        arrays = super().state()
        for prefix, part in {STARS: self.stars_, RANKING: self.ranking_}.items():
            arrays |= {prefix + name: array for name, array in vars(part).items()}
        return arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.stars_ = Stars(**part_of(state, STARS))
        self.ranking_ = SingularVectors(**part_of(state, RANKING))


class SVDPP(SVD):
    """SVD++ (Koren 2008, section 4): a user's vector is p + Σ y_j / √n over the n movies that the
    user has rated, whatever the stars; what is rated at all says what is liked.

    Here the sum of y is the mean of what p is drawn from, so that all of it is one regression on
    the history at hand, as `SVD` has it: of a user with few ratings the choice of movies says the
    most. The y are drawn with the rest, as a regression of the users' vectors on their choices
    (Simm et al. 2015, "Macau"). With `raters`, the same goes for movies by who has rated them
    (Rendle, Zhang & Koren 2019, "On the Difficulty of Evaluating Baselines", there "flipped").
    Lists are those of `SVD`.

    Costs O(R k) more a draw for each of at most 25 steps of conjugate gradients, 24 bytes more a
    rating, and as much again to keep.
    """

    name = "svdpp"
    Config = SVDPPConfig

    def sampled(self) -> SamplerConfig:
        return SamplerConfig(self.config.factors, by_choice=True, by_raters=self.config.raters)
