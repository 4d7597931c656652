"""What is usual for a movie and for a user, before any network looks at them."""

from dataclasses import dataclass

import numpy as np

from recsys.features.interactions import Interactions

__all__ = ["MOVIE_SHRINK", "USER_SHRINK", "Biases"]

#: Ratings of the mean that a movie's and a user's bias is drawn to it by.
MOVIE_SHRINK, USER_SHRINK = 5.0, 10.0


@dataclass(frozen=True)
class Biases:
    """A rating is the mean, the biases of `movies` (M,) float32 and of `users` (U,) float32, and a
    residual.
    """

    mean: float
    movies: np.ndarray
    users: np.ndarray

    @classmethod
    def of(cls, train: Interactions) -> "Biases":
        """Learn movies' biases around the mean, then users' around both."""
        n_users, n_movies = train.shape
        mean = float(train.ratings.mean(dtype=np.float64))
        movies = shrunken_means(train.movies, train.ratings - mean, n_movies, MOVIE_SHRINK)
        rest = train.ratings - mean - movies[train.movies]
        return cls(mean, movies, shrunken_means(train.users, rest, n_users, USER_SHRINK))

    def residuals(self, train: Interactions) -> np.ndarray:
        """Return (R,) float32, what the biases leave over of the ratings."""
        rest = train.ratings - self.mean - self.movies[train.movies]
        return (rest - self.users[train.users]).astype(np.float32)


def shrunken_means(positions: np.ndarray, rest: np.ndarray, n: int, shrink: float) -> np.ndarray:
    """Return (n,) float32 means of `rest` (R,) by position, drawn to 0 by `shrink` ratings more."""
    sums = np.bincount(positions, rest, n)
    counts = np.bincount(positions, minlength=n)
    return (sums / (counts + shrink)).astype(np.float32)
