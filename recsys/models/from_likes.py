"""Recipes that know a user by the liked movies, and of these by those that somebody liked in the
fit.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.features.histories import Histories
from recsys.models.base import DotProduct, Recommender, TopN
from recsys.models.equal_lengths import rows_of, users_of_equal_length
from recsys.models.explanation import Explanation
from recsys.models.leaving_out import HistoryEncoder, LeavingOut
from recsys.models.saved_arrays import part_of
from recsys.models.similar import nearest_by_vectors

__all__ = ["EncodesHistories", "FromLikes", "shares_of_likes"]

#: What the encoder's arrays begin with in a saved model.
ENCODER = "encoder."


class FromLikes(Recommender):
    """A movie that nobody liked has taught it nothing: it says nothing of a user, and is never
    recommended.
    """

    liked_: np.ndarray  # (M,) bool: somebody liked the movie

    def is_liked_movie(self, histories: Histories) -> np.ndarray:
        """Return (H,) bool: a like of a movie that somebody liked in the fit."""
        return (histories.ratings >= self.like_threshold_) & self.liked_[histories.movies]

    def liked_movies(self, histories: Histories) -> Histories:
        """Return the likes of movies that somebody liked in the fit."""
        return histories.where(self.is_liked_movie(histories))

    def knows(self, histories: Histories) -> np.ndarray:
        return self.liked_movies(histories).lengths > 0

    def ranked(self) -> np.ndarray:
        """Return (M,) bool: the movies that have a score."""
        return self.liked_

    def nearest(self, vectors: np.ndarray, n: int) -> TopN:
        """Return for each movie the n others of the nearest vectors (M, k)."""
        return self.list_ids(*nearest_by_vectors(vectors, self.liked_, n, self.compute.threads))


class EncodesHistories(FromLikes, DotProduct):
    """One whose users' vectors are a network's of the history, and end in a 1; movies' end in a
    bias.
    """

    explains = "leave_one_out"
    array_names = ("liked_", "movie_vectors_")

    encoder_: HistoryEncoder
    movie_vectors_: np.ndarray  # (M, k + 1) float32; the last column is the movie's bias

    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        likes = self.liked_movies(histories)
        return self.encoder_.vectors(likes, self.compute.threads), self.movie_vectors_

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = self.is_liked_movie(histories)
        likes = histories.where(is_like)
        parts = LeavingOut(self.encoder_, self.movie_vectors_, likes, movies, self.compute.threads)
        falls, scores = parts.falls()
        return Explanation.of_likes("leave_one_out", histories, is_like, falls).leaving(scores)

    def similar(self, n: int) -> TopN:
        return self.nearest(self.movie_vectors_[:, :-1], n)

    def state(self) -> dict[str, np.ndarray]:
        arrays = {ENCODER + name: array for name, array in vars(self.encoder_).items()}
        return super().state() | arrays

    def encoder_arrays(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the encoder's arrays by their names."""
        return part_of(state, ENCODER)


def shares_of_likes(
    likes: Histories, liked: np.ndarray, movies: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Return (L, n) float32: what each of L likes adds to its user's product with each of `targets`
    (B, n), positions of movies, −1 for none, where a user's vector is the sum of those that the
    likes have in `liked` (M, k), and a movie's is in `movies` (M, k).
    """
    shares = np.zeros((len(likes.movies), targets.shape[1]), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        for users in users_of_equal_length(likes, liked.shape[1]):
            rows = rows_of(likes, users)
            of_targets = movies[targets[users]].transpose(0, 2, 1)
            shares[rows] = np.matmul(liked[likes.movies[rows]], of_targets)
    shares[np.repeat(targets < 0, likes.lengths, axis=0)] = 0
    return shares
