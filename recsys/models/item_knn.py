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
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.ratings_ = train.csr()
        self.liked_ = likes.n_raters > 0
        self.rating_range_ = np.array([train.ratings.min(), train.ratings.max()], dtype=np.float32)
        self._fit_biases(train)
        if self.config.similarity == "cosine":
            blocks = _cosines(
                _likes(self.ratings_, self.config.like_threshold), self.config.shrinkage
            )
        else:
            blocks = _adjusted_cosines(
                self._residuals(np.arange(len(self.user_ids_))), self.config.shrinkage
            )
        self.similarities_ = strongest(blocks, self.config.neighbours)
        return self

    def _fit_biases(self, train: Interactions) -> None:
        """Mean residuals, damped: first of movies around the mean rating, then of users around both
        (Koren 2010, section 2.1).
        """
        mean = float(train.ratings.mean(dtype=np.float64))
        n_users, n_movies = train.shape
        movie_bias = _damped_means(
            train.movies, train.ratings - mean, n_movies, self.config.bias_damping
        )
        rest = train.ratings - mean - movie_bias[train.movies]
        self.mean_ = np.array(mean, dtype=np.float32)
        self.user_bias_ = _damped_means(train.users, rest, n_users, self.config.bias_damping)
        self.movie_bias_ = movie_bias

    def _residuals(self, rows: np.ndarray) -> sparse.csr_matrix:
        """(len(rows), M): the ratings of these users (positions) less what is usual, a stored entry
        for each.
        """
        residuals = self.ratings_[rows]
        users = np.repeat(rows, np.diff(residuals.indptr))
        residuals.data = (
            residuals.data
            - self.mean_
            - self.user_bias_[users]
            - self.movie_bias_[residuals.indices]
        )
        return residuals

    def knows(self, users: np.ndarray) -> np.ndarray:
        rows = index_of(self.user_ids_, users)
        likes = _likes(self.ratings_[rows.clip(min=0)], self.config.like_threshold)
        return (rows >= 0) & (np.diff(likes.indptr) > 0)

    def score_block(self, users: np.ndarray) -> np.ndarray:
        likes = _likes(
            self.ratings_[index_of(self.user_ids_, users).clip(min=0)], self.config.like_threshold
        )
        scores = sparse.csr_matrix(likes @ self.similarities_).toarray()
        scores[:, ~self.liked_] = -np.inf
        scores[~self.knows(users)] = -np.inf
        return scores

    def predict(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        rows, columns = index_of(self.user_ids_, users), index_of(self.movie_ids_, movies)
        stars = np.full(len(rows), self.mean_, dtype=np.float32)
        stars[rows >= 0] += self.user_bias_[rows[rows >= 0]]
        stars[columns >= 0] += self.movie_bias_[columns[columns >= 0]]
        known = np.flatnonzero((rows >= 0) & (columns >= 0))
        by_target = self.similarities_.T.tocsr()
        for start in range(0, len(known), PAIRS):
            pairs = known[start : start + PAIRS]
            stars[pairs] += _weighted_means(self._residuals(rows[pairs]), by_target[columns[pairs]])
        return stars.clip(*self.rating_range_)

    def state(self) -> dict[str, np.ndarray]:
        names = ("liked_", "mean_", "user_bias_", "movie_bias_", "rating_range_")
        arrays = {name: getattr(self, name) for name in names}
        return (
            arrays
            | as_arrays("ratings_", self.ratings_)
            | as_arrays("similarities_", self.similarities_)
        )

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.ratings_, self.similarities_ = (
            from_arrays("ratings_", state),
            from_arrays("similarities_", state),
        )
        self.liked_, self.mean_, self.rating_range_ = (
            state["liked_"],
            state["mean_"],
            state["rating_range_"],
        )
        self.user_bias_, self.movie_bias_ = state["user_bias_"], state["movie_bias_"]


def _likes(ratings: sparse.csr_matrix, threshold: float) -> sparse.csr_matrix:
    """The same shape with a 1 for each rating that is a like, and nothing else stored."""
    likes = sparse.csr_matrix(
        (
            (ratings.data >= threshold).astype(np.float32),
            ratings.indices.copy(),
            ratings.indptr.copy(),
        ),
        shape=ratings.shape,
    )
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
    rated, squares = residuals.copy(), residuals.copy()
    rated.data = np.ones_like(rated.data)
    squares.data = squares.data**2
    residuals_t, rated_t, squares_t = residuals.T.tocsr(), rated.T.tocsr(), squares.T.tocsr()
    for rows in _blocks(len(rated_t.indptr) - 1):
        products = (residuals_t[rows] @ residuals).toarray()
        lengths = (squares_t[rows] @ rated).toarray() * (rated_t[rows] @ squares).toarray()
        yield _damped(
            products, np.sqrt(lengths), (rated_t[rows] @ rated).toarray(), shrinkage, rows
        )


def _blocks(n_movies: int) -> Iterator[slice]:
    return (
        slice(start, min(start + MOVIES_AT_ONCE, n_movies))
        for start in range(0, n_movies, MOVIES_AT_ONCE)
    )


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
    stored = values.copy()
    stored.data = np.ones_like(stored.data)
    total = np.asarray(weights.multiply(stored).sum(axis=1)).ravel()
    sums = np.asarray(weights.multiply(values).sum(axis=1)).ravel()
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
