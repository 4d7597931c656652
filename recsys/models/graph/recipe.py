"""What the graph recipes share: they know who liked something, and rank by products of vectors."""

import numpy as np

from recsys.features.histories import Histories
from recsys.models.base import DotProduct, TopN
from recsys.models.similar import nearest_by_vectors

__all__ = ["GraphRecipe"]


class GraphRecipe(DotProduct):
    """A recipe over the graph of likes: a movie that nobody liked is no part of it."""

    liked_: np.ndarray  # (M,) bool: somebody liked the movie
    movie_vectors_: np.ndarray  # (M, k) float32, that users' meet; 0 where nobody liked the movie

    def is_liked_movie(self, histories: Histories) -> np.ndarray:
        """Return (H,) bool: a like of a movie that the model has a vector of."""
        return (histories.ratings >= self.like_threshold_) & self.liked_[histories.movies]

    def liked_movies(self, histories: Histories) -> Histories:
        """Return the likes of movies that the model has vectors of."""
        return histories.where(self.is_liked_movie(histories))

    def knows(self, histories: Histories) -> np.ndarray:
        return self.liked_movies(histories).lengths > 0

    def ranked(self) -> np.ndarray:
        return self.liked_

    def similar(self, n: int) -> TopN:
        nearest = nearest_by_vectors(self.movie_vectors_, self.liked_, n, self.compute.threads)
        return self.list_ids(*nearest)
