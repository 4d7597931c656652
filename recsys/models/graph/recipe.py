"""What the graph recipes share: how they learn."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

from recsys.features.train import Train
from recsys.models.base import DotProduct, Report, TopN
from recsys.models.from_likes import FromLikes
from recsys.models.graph.propagation import LikesGraph
from recsys.models.graph.training import GraphNetwork, GraphTrainer
from recsys.models.neural import device_of, repeatable

__all__ = ["GraphRecipe"]

Network = TypeVar("Network", bound=GraphNetwork)


class GraphRecipe(FromLikes, DotProduct):
    """A recipe over the graph of likes: a movie that nobody liked is no part of it."""

    array_names = ("liked_", "movie_vectors_")

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

    def similar(self, n: int) -> TopN:
        return self.nearest(self.movie_vectors_, n)
