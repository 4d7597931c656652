"""What the graph recipes share: they know who liked something, and rank by products of vectors."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import DotProduct, Report, TopN
from recsys.models.explanation import Explanation
from recsys.models.graph.propagation import LikesGraph
from recsys.models.graph.training import GraphNetwork, GraphTrainer
from recsys.models.hybrid.leaving_out import HistoryEncoder, LeavingOut
from recsys.models.neural import device_of, repeatable
from recsys.models.similar import nearest_by_vectors

__all__ = ["EncodesHistories", "GraphRecipe"]

#: What the encoder's arrays begin with in a saved model.
ENCODER = "encoder."

Network = TypeVar("Network", bound=GraphNetwork)


class GraphRecipe(DotProduct):
    """A recipe over the graph of likes: a movie that nobody liked is no part of it."""

    array_names = ("liked_", "movie_vectors_")

    liked_: np.ndarray  # (M,) bool: somebody liked the movie
    movie_vectors_: np.ndarray  # (M, k) float32, that users' meet; 0 where nobody liked the movie

    def learn(
        self, network: Callable[[LikesGraph, Any], Network], train: Train, report: Report
    ) -> Network:
        """Train a network of the likes."""
        likes = self.read(train).likes(self.like_threshold_)
        self.liked_ = likes.n_raters > 0
        with repeatable(self.compute):
            net = network(LikesGraph(likes, device_of(self.compute)), self.config)
        GraphTrainer(net, likes, self.config, self.compute).run(self.config.epochs, report)
        return net

    @torch.no_grad()
    def learned_vectors(self, net: GraphNetwork) -> np.ndarray:
        """Return what a movie is in a history (M, h) float32; `movie_vectors_` are kept."""
        with repeatable(self.compute):
            in_histories, vectors = (part.cpu().numpy() for part in net.propagate())
        self.movie_vectors_ = np.where(self.liked_[:, None], vectors, 0)
        return in_histories

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
        return self.nearest(self.movie_vectors_, n)

    def nearest(self, vectors: np.ndarray, n: int) -> TopN:
        """Return for each movie the n others of the nearest vectors (M, k)."""
        return self.list_ids(*nearest_by_vectors(vectors, self.liked_, n, self.compute.threads))


class EncodesHistories(GraphRecipe):
    """One whose users' vectors are a network's of the history; movies' end in a bias."""

    explains = "leave_one_out"

    encoder_: HistoryEncoder

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
        names = [name for name in state if name.startswith(ENCODER)]
        return {name.removeprefix(ENCODER): state[name] for name in names}
