"""Nearest neighbours among movies: what is liked alike, or rated alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Train
from recsys.models.base import (
    Config,
    PredictsRatings,
    Recommender,
    Report,
    Search,
    TopN,
    silent,
)
from recsys.models.explanation import Explanation, targets_of_ratings
from recsys.models.item_weights import (
    MOVIES_AT_ONCE,
    as_arrays,
    from_arrays,
    strongest,
    weights_at,
)
from recsys.models.similar import nearest_by_weights

#: Pairs rated at once.
PAIRS = 65_536

#: Variance in stars below which two movies' users gave one of them the same.
NO_SPREAD = 1e-5


Similarity = Literal["cosine", "adjusted cosine", "pearson", "pearson baseline"]


class ItemKNNConfig(Config):
    """What makes two movies alike, and how many such neighbours are kept."""

    similarity: Similarity = Field(
        default="cosine",
        description="cosine of two movies' likes; or, of their ratings by the same users, the "
        "cosine of what is left of them less the usual (adjusted cosine; Pearson baseline, the "
        "same with one common user less), or the correlation (Pearson)",
    )
    neighbours: Annotated[int, Search(20, 800, log=True)] = Field(
        default=200, ge=1, description="movies kept for each movie, the most alike"
    )
    shrinkage: Annotated[float, Search(1, 1_000, log=True)] = Field(
        default=50.0, ge=0, description="users in common at which a similarity counts half"
    )
    bias_damping: float = Field(
        default=10.0, ge=0, description="ratings at which a user's or a movie's bias counts half"
    )


class ItemKNN(Recommender, PredictsRatings):
    """Item-based neighbours (Sarwar et al. 2001, "Item-Based Collaborative Filtering Recommendation
    Algorithms").

    A similarity of two movies with n users in common is damped by n / (n + shrinkage); only
    positive ones are kept.
    - "cosine" is that of the movies' likes.
    - "adjusted cosine" is that of their ratings by the users who rated both, less what is usual for
      user and movie (Sarwar subtracts the user's mean alone).
    - "pearson baseline" is the same, damped by n − 1 in place of n: Koren's ρ of "Factor in the
      Neighbors", 2010, and Surprise's KNNBaseline.
    - "pearson" is the correlation of these ratings, around either movie's mean over the users in
      common, damped by n − 1.

    A movie's score for a user is the sum of its similarities to the user's likes (Deshpande &
    Karypis 2004), 0 without any and −inf where nobody liked the movie. A rating is what is usual
    for user and movie, plus the mean residual of the neighbours that the user rated, weighted by
    similarity; a user's bias is that of the history at hand. Ranking knows the users who liked
    something; it wants cosines of likes, and predicting ratings wants adjusted ones.

    Cost of a fit, R ratings of U users, M movies and k neighbours: O(R · R/U + M²) time; 16 (by
    ratings, 40 to 72) bytes × 512 M of working memory, 8R bytes for the ratings, and 8kM bytes,
    which are what is kept. A user's scores, and one rating, take O(k + R/U) a movie.
    """

    name = "item_knn"
    Config = ItemKNNConfig
    array_names = ("liked_", "mean_", "movie_bias_", "rating_range_")

    # (M, M) float32, of a rated movie (row) to each movie that it is a neighbour of (column)
    similarities_: sparse.csr_matrix
    liked_: np.ndarray  # (M,) bool: somebody liked the movie
    mean_: np.ndarray  # () float32
    movie_bias_: np.ndarray  # (M,) float32
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        ratings = self.read(train)
        everyone = ratings.histories_of(ratings.user_ids)
        self.liked_ = ratings.likes(self.like_threshold_).n_raters > 0
        self.rating_range_ = ratings.rating_range
        self.fit_biases(ratings)
        self.similarities_ = strongest(self.similarities(everyone), self.config.neighbours)
        return self

    def similarities(self, everyone: Histories) -> Iterator[np.ndarray]:
        """Yield blocks (b, M) of the damped similarities of movies."""
        if self.config.similarity == "cosine":
            return cosines(self.likes_in(everyone).seen(), self.config.shrinkage)
        residuals = everyone.csr(self.residuals(everyone, self.user_biases(everyone)))
        if self.config.similarity == "pearson":
            # of the residuals around the movie's bias alone: stars would cancel in float32
            by_movie = everyone.ratings - self.mean_ - self.movie_bias_[everyone.movies]
            return correlations(everyone.csr(by_movie), self.config.shrinkage)
        lost = int(self.config.similarity == "pearson baseline")
        return adjusted_cosines(residuals, self.config.shrinkage, lost)

    def fit_biases(self, ratings: Interactions) -> None:
        """Mean residuals of movies around the mean rating, damped (Koren 2010, section 2.1)."""
        mean = float(ratings.ratings.mean(dtype=np.float64))
        rest = ratings.ratings - mean
        n_movies = len(ratings.movie_ids)
        damping = self.config.bias_damping
        self.movie_bias_ = damped_means(ratings.movies, rest, n_movies, damping)
        self.mean_ = np.array(mean, dtype=np.float32)

    def user_biases(self, histories: Histories) -> np.ndarray:
        """Return (B,) float32 mean residuals of users around the mean and the movies' biases,
        damped; 0 for a stranger.
        """
        rest = histories.ratings - self.mean_ - self.movie_bias_[histories.movies]
        return damped_means(histories.users, rest, len(histories), self.config.bias_damping)

    def residuals(self, histories: Histories, biases: np.ndarray) -> np.ndarray:
        """Return (H,) float32 ratings less what is usual, for users' biases (B,)."""
        of_users = biases[histories.users]
        return histories.ratings - self.mean_ - of_users - self.movie_bias_[histories.movies]

    def knows(self, histories: Histories) -> np.ndarray:
        return self.likes_in(histories).lengths > 0

    def score_block(self, histories: Histories) -> np.ndarray:
        likes = self.likes_in(histories)
        scores = sparse.csr_matrix(likes.seen() @ self.similarities_).toarray()
        scores[:, ~self.liked_] = -np.inf
        scores[likes.lengths == 0] = -np.inf
        return scores

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = histories.ratings >= self.like_threshold_
        likes = histories.where(is_like)
        shares = weights_at(self.similarities_, likes.movies, targets_of_ratings(likes, movies))
        return Explanation.of_likes("exact", histories, is_like, shares)

    def similar(self, n: int) -> TopN:
        neighbours = self.similarities_.T.tocsr()
        n_movies = len(self.movie_ids_)
        blocks = (
            neighbours[start : start + MOVIES_AT_ONCE].toarray()
            for start in range(0, n_movies, MOVIES_AT_ONCE)
        )
        return self.list_ids(*nearest_by_weights(blocks, np.arange(n_movies), n_movies, n))

    def predict(self, users: np.ndarray, movies: np.ndarray, histories: Interactions) -> np.ndarray:
        everyone, rows = np.unique(users, return_inverse=True)
        raters = _Raters.of(self, histories.histories_of(everyone))
        columns = index_of(self.movie_ids_, movies)
        stars = self.usual_stars(raters.biases[rows], columns)
        neighbours = self.similarities_.T.tocsr()
        for pairs in known_pairs(columns):
            residuals = raters.residuals[rows[pairs]]
            stars[pairs] += weighted_means(residuals, neighbours[columns[pairs]])
        return stars.clip(*self.rating_range_)

    def usual_stars(self, user_biases: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return (K,) float32 mean and biases, the movies' by position; −1 has none."""
        stars = self.mean_ + user_biases
        stars[columns >= 0] += self.movie_bias_[columns[columns >= 0]]
        return stars

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | as_arrays("similarities_", self.similarities_)

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.similarities_ = from_arrays("similarities_", state)
        super().restore(state)


@dataclass(frozen=True)
class _Raters:
    """The users whose ratings are predicted: their `biases` (B,), and the `residuals` (B, M) of
    what they rated, a stored entry for each.
    """

    biases: np.ndarray
    residuals: sparse.csr_matrix

    @classmethod
    def of(cls, model: ItemKNN, histories: Histories) -> Self:
        """Hold users' ratings against what is usual."""
        biases = model.user_biases(histories)
        return cls(biases, histories.csr(model.residuals(histories, biases)))


def known_pairs(columns: np.ndarray) -> Iterator[np.ndarray]:
    """Yield which of K pairs are of a known movie, PAIRS at once."""
    pairs = np.flatnonzero(columns >= 0)
    for start in range(0, len(pairs), PAIRS):
        yield pairs[start : start + PAIRS]


def damped_means(
    groups: np.ndarray, values: np.ndarray, n_groups: int, damping: float
) -> np.ndarray:
    """Return (n_groups,) float32 sums of each group's values over its size plus `damping`; 0 for an
    empty group.
    """
    sums = np.bincount(groups, values, minlength=n_groups)
    sizes = np.bincount(groups, minlength=n_groups)
    return (sums / np.maximum(sizes + damping, np.finfo(float).tiny)).astype(np.float32)


class ByMovie:
    """A matrix (U, M) whose columns are multiplied with each other, some movies at a time."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        self.matrix = matrix
        self.movies = matrix.T.tocsr()

    def blocks(self) -> Iterator[slice]:
        """Yield the movies, MOVIES_AT_ONCE of them."""
        n_movies = len(self.movies.indptr) - 1
        for start in range(0, n_movies, MOVIES_AT_ONCE):
            yield slice(start, min(start + MOVIES_AT_ONCE, n_movies))

    def products(self, rows: slice, others: "ByMovie") -> np.ndarray:
        """Return (b, M) of a block's columns with all the others'."""
        return (self.movies[rows] @ others.matrix).toarray()


def cosines(likes: sparse.csr_matrix, shrinkage: float) -> Iterator[np.ndarray]:
    """Yield blocks (b, M) of the damped cosines of movies by their likes (U, M); 0 for a movie with
    itself.
    """
    liked = ByMovie(likes)
    length = np.sqrt(np.diff(liked.movies.indptr)).astype(np.float32)
    for rows in liked.blocks():
        common = liked.products(rows, liked)
        yield damped(common, np.outer(length[rows], length), common, shrinkage, rows)


def adjusted_cosines(
    residuals: sparse.csr_matrix, shrinkage: float, lost: int
) -> Iterator[np.ndarray]:
    """Yield blocks (b, M) of the damped cosines of movies by the residuals (U, M) of who rated
    both, of whom `lost` count for nothing; 0 for a movie with itself.
    """
    rated = ByMovie(with_data(residuals, np.ones_like(residuals.data)))
    squares = ByMovie(with_data(residuals, residuals.data**2))
    rests = ByMovie(residuals)
    for rows in rests.blocks():
        products = rests.products(rows, rests)
        lengths = squares.products(rows, rated) * rated.products(rows, squares)
        common = np.maximum(rated.products(rows, rated) - lost, 0)
        yield damped(products, np.sqrt(lengths), common, shrinkage, rows)


def correlations(values: sparse.csr_matrix, shrinkage: float) -> Iterator[np.ndarray]:
    """Yield blocks (b, M) of the damped correlations of movies by the values (U, M) of who rated
    both; 0 for a movie with itself.
    """
    rated = ByMovie(with_data(values, np.ones_like(values.data)))
    squares = ByMovie(with_data(values, values.data**2))
    given = ByMovie(values)
    for rows in given.blocks():
        common = rated.products(rows, rated)
        shares = 1 / np.maximum(common, 1)
        own, others = given.products(rows, rated), rated.products(rows, given)
        products = given.products(rows, given) - own * others * shares
        own_spread = squares.products(rows, rated) - own**2 * shares
        spread = rated.products(rows, squares) - others**2 * shares
        # what rounding leaves of equal stars is no spread
        is_spread = (own_spread > NO_SPREAD * common) & (spread > NO_SPREAD * common)
        lengths = np.sqrt(np.where(is_spread, own_spread * spread, 0))
        yield damped(products, lengths, np.maximum(common - 1, 0), shrinkage, rows)


def with_data(matrix: sparse.csr_matrix, data: np.ndarray) -> sparse.csr_matrix:
    """Return a copy with other values in the same places."""
    copy = matrix.copy()
    copy.data = data
    return copy


def damped(
    products: np.ndarray, lengths: np.ndarray, common: np.ndarray, shrinkage: float, rows: slice
) -> np.ndarray:
    """Return (b, M) positive cosines × n / (n + shrinkage), n the users in `common`; `rows` are the
    movies that the block is of.
    """
    alike = (products > 0) & (lengths > 0) & (common > 0)
    alike[np.arange(len(products)), np.arange(rows.start, rows.stop)] = False
    weights = np.divide(common, common + shrinkage, out=np.zeros_like(products), where=alike)
    return np.divide(products * weights, lengths, out=weights, where=alike)


def weighted_means(values: sparse.csr_matrix, weights: sparse.csr_matrix) -> np.ndarray:
    """Return (K,) means of each row's `values` (K, M) by `weights` (K, M) ≥ 0, over what both
    store; 0 where that is nothing.
    """
    stored = with_data(values, np.ones_like(values.data))
    total = np.asarray(weights.multiply(stored).sum(axis=1)).ravel()
    sums = np.asarray(weights.multiply(values).sum(axis=1)).ravel()
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
