"""Nearest neighbours among movies: what is liked alike, or rated alike."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Config, PredictsRatings, Recommender, Report, Search, silent
from recsys.models.item_weights import MOVIES_AT_ONCE, as_arrays, from_arrays, strongest

#: Pairs rated at once.
PAIRS = 65_536

#: The fitted attributes that are arrays.
ARRAYS = ("liked_", "mean_", "user_bias_", "movie_bias_", "rating_range_")


class ItemKNNConfig(Config):
    """What makes two movies alike, and how many such neighbours are kept."""

    similarity: Literal["cosine", "adjusted cosine"] = Field(
        default="cosine",
        description="of two movies' likes, or of their ratings less what is "
        "usual for user and movie",
    )
    like_threshold: float = Field(default=4.0, description="a rating from here on is a like")
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
      user and movie (Sarwar subtracts the user's mean alone; with both biases it is Koren's ρ of
      "Factor in the Neighbors", 2010).

    A movie's score for a user is the sum of its similarities to the user's likes (Deshpande &
    Karypis 2004), 0 without any and −inf where nobody liked the movie. A rating is what is usual
    for user and movie, plus the mean residual of the neighbours that the user rated, weighted by
    similarity. Ranking knows the users who liked something; it wants cosines of likes, and
    predicting ratings wants adjusted ones.

    Cost of a fit, R ratings of U users, M movies and k neighbours: O(R · R/U + M²) time; 16 (or,
    adjusted, 40) bytes × 512 M of working memory, and 8R + 8kM bytes, which are what is kept. A
    user's scores, and one rating, take O(k + R/U) a movie.
    """

    name = "item_knn"
    Config = ItemKNNConfig

    ratings_: sparse.csr_matrix  # (U, M) float32 stars: what represents a user
    # (M, M) float32, of a rated movie (row) to each movie that it is a neighbour of (column)
    similarities_: sparse.csr_matrix
    liked_: np.ndarray  # (M,) bool: somebody liked the movie
    mean_: np.ndarray  # () float32
    user_bias_: np.ndarray  # (U,) float32
    movie_bias_: np.ndarray  # (M,) float32
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        likes = train.likes(self.config.like_threshold)
        self.user_ids_ = train.user_ids
        self.movie_ids_ = train.movie_ids
        self.ratings_ = train.csr()
        self.liked_ = likes.n_raters > 0
        self.rating_range_ = np.array([train.ratings.min(), train.ratings.max()], dtype=np.float32)
        self._fit_biases(train)
        self.similarities_ = strongest(self._similarities(), self.config.neighbours)
        return self

    def _similarities(self) -> Iterator[np.ndarray]:
        """Yield blocks (b, M) of the damped similarities of movies."""
        if self.config.similarity == "cosine":
            likes = _likes(self.ratings_, self.config.like_threshold)
            return _cosines(likes, self.config.shrinkage)
        residuals = self._residuals(np.arange(len(self.user_ids_)))
        return _adjusted_cosines(residuals, self.config.shrinkage)

    def _fit_biases(self, train: Interactions) -> None:
        """Mean residuals, damped: first of movies around the mean rating, then of users around both
        (Koren 2010, section 2.1).
        """
        mean = float(train.ratings.mean(dtype=np.float64))
        damping = self.config.bias_damping
        n_users, n_movies = train.shape
        rest = train.ratings - mean
        self.movie_bias_ = _damped_means(train.movies, rest, n_movies, damping)
        rest = rest - self.movie_bias_[train.movies]
        self.user_bias_ = _damped_means(train.users, rest, n_users, damping)
        self.mean_ = np.array(mean, dtype=np.float32)

    def _residuals(self, rows: np.ndarray) -> sparse.csr_matrix:
        """(len(rows), M): the ratings of these users (positions) less what is usual, a stored entry
        for each.
        """
        residuals = self.ratings_[rows]
        users = np.repeat(rows, np.diff(residuals.indptr))
        user_bias = self.user_bias_[users]
        movie_bias = self.movie_bias_[residuals.indices]
        residuals.data = residuals.data - self.mean_ - user_bias - movie_bias
        return residuals

    def knows(self, users: np.ndarray) -> np.ndarray:
        n_likes = np.diff(self._likes_of(users).indptr)
        return (index_of(self.user_ids_, users) >= 0) & (n_likes > 0)

    def _likes_of(self, users: np.ndarray) -> sparse.csr_matrix:
        """Return (len(users), M) likes of user ids; anyone's for a stranger."""
        rows = index_of(self.user_ids_, users).clip(min=0)
        return _likes(self.ratings_[rows], self.config.like_threshold)

    def score_block(self, users: np.ndarray) -> np.ndarray:
        scores = sparse.csr_matrix(self._likes_of(users) @ self.similarities_).toarray()
        scores[:, ~self.liked_] = -np.inf
        scores[~self.knows(users)] = -np.inf
        return scores

    def predict(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        rows = index_of(self.user_ids_, users)
        columns = index_of(self.movie_ids_, movies)
        stars = self._usual_stars(rows, columns)
        in_both = np.flatnonzero((rows >= 0) & (columns >= 0))
        neighbours = self.similarities_.T.tocsr()
        for start in range(0, len(in_both), PAIRS):
            pairs = in_both[start : start + PAIRS]
            residuals = self._residuals(rows[pairs])
            stars[pairs] += _weighted_means(residuals, neighbours[columns[pairs]])
        return stars.clip(*self.rating_range_)

    def _usual_stars(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return (K,) float32 mean and biases of users and movies by position; −1 has no bias."""
        stars = np.full(len(rows), self.mean_, dtype=np.float32)
        stars[rows >= 0] += self.user_bias_[rows[rows >= 0]]
        stars[columns >= 0] += self.movie_bias_[columns[columns >= 0]]
        return stars

    def state(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays |= as_arrays("ratings_", self.ratings_)
        return arrays | as_arrays("similarities_", self.similarities_)

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.ratings_ = from_arrays("ratings_", state)
        self.similarities_ = from_arrays("similarities_", state)
        for name in ARRAYS:
            setattr(self, name, state[name])


def _likes(ratings: sparse.csr_matrix, threshold: float) -> sparse.csr_matrix:
    """The same shape with a 1 for each rating that is a like, and nothing else stored."""
    is_like = (ratings.data >= threshold).astype(np.float32)
    parts = (is_like, ratings.indices.copy(), ratings.indptr.copy())
    likes = sparse.csr_matrix(parts, shape=ratings.shape)
    likes.eliminate_zeros()
    return likes


def _damped_means(
    groups: np.ndarray, values: np.ndarray, n_groups: int, damping: float
) -> np.ndarray:
    """(n_groups,) float32 sums of each group's values over its size plus `damping`; 0 for an empty
    group.
    """
    sums = np.bincount(groups, values, minlength=n_groups)
    sizes = np.bincount(groups, minlength=n_groups)
    return (sums / np.maximum(sizes + damping, np.finfo(float).tiny)).astype(np.float32)


def _cosines(likes: sparse.csr_matrix, shrinkage: float) -> Iterator[np.ndarray]:
    """Blocks (b, M) of the damped cosines of movies by their likes (U, M); 0 for a movie with
    itself.
    """
    by_movie = likes.T.tocsr()
    length = np.sqrt(np.diff(by_movie.indptr)).astype(np.float32)
    for rows in _blocks(len(length)):
        common = (by_movie[rows] @ likes).toarray()
        yield _damped(common, np.outer(length[rows], length), common, shrinkage, rows)


def _adjusted_cosines(residuals: sparse.csr_matrix, shrinkage: float) -> Iterator[np.ndarray]:
    """Blocks (b, M) of the damped cosines of movies by the residuals (U, M) of who rated both; 0
    for a movie with itself.
    """
    rated = _with_data(residuals, np.ones_like(residuals.data))
    squares = _with_data(residuals, residuals.data**2)
    residuals_t = residuals.T.tocsr()
    rated_t = rated.T.tocsr()
    squares_t = squares.T.tocsr()
    for rows in _blocks(len(rated_t.indptr) - 1):
        products = (residuals_t[rows] @ residuals).toarray()
        lengths = (squares_t[rows] @ rated).toarray() * (rated_t[rows] @ squares).toarray()
        common = (rated_t[rows] @ rated).toarray()
        yield _damped(products, np.sqrt(lengths), common, shrinkage, rows)


def _with_data(matrix: sparse.csr_matrix, data: np.ndarray) -> sparse.csr_matrix:
    """Return a copy with other values in the same places."""
    copy = matrix.copy()
    copy.data = data
    return copy


def _blocks(n_movies: int) -> Iterator[slice]:
    for start in range(0, n_movies, MOVIES_AT_ONCE):
        yield slice(start, min(start + MOVIES_AT_ONCE, n_movies))


def _damped(
    products: np.ndarray, lengths: np.ndarray, common: np.ndarray, shrinkage: float, rows: slice
) -> np.ndarray:
    """(b, M) positive cosines × n / (n + shrinkage), n the users in `common`; `rows` are the movies
    that the block is of.
    """
    alike = (products > 0) & (lengths > 0)
    alike[np.arange(len(products)), np.arange(rows.start, rows.stop)] = False
    weights = np.divide(common, common + shrinkage, out=np.zeros_like(products), where=alike)
    return np.divide(products * weights, lengths, out=weights, where=alike)


def _weighted_means(values: sparse.csr_matrix, weights: sparse.csr_matrix) -> np.ndarray:
    """(K,) means of each row's `values` (K, M) by `weights` (K, M) ≥ 0, over what both store; 0
    where that is nothing.
    """
    stored = _with_data(values, np.ones_like(values.data))
    total = np.asarray(weights.multiply(stored).sum(axis=1)).ravel()
    sums = np.asarray(weights.multiply(values).sum(axis=1)).ravel()
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
