"""Recipes whose scores are sums of weights from the movies that a user liked."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import sparse

from recsys.features.histories import Histories
from recsys.features.interactions import index_of
from recsys.models.base import Config, Recommender, Search, TopN
from recsys.models.explanation import Explanation, targets_of_ratings
from recsys.models.item_weights import MOVIES_AT_ONCE, as_arrays, from_arrays, weights_at
from recsys.models.similar import nearest_by_weights


class LinearConfig(Config):
    """What a like weighs, and how much its noise is damped."""

    rating_weight: Annotated[float, Search(0, 4)] = Field(
        default=1.0,
        ge=0,
        description="what a star above the threshold adds to a like, which "
        "counts 1 at it; 0: all alike",
    )
    regularization: Annotated[float, Search(0.1, 100, log=True)] = Field(
        default=3.0,
        gt=0,
        description="λ, in units of the squared likes of a movie, as the average like sees them",
    )


class LinearInLikes(Recommender):
    """A user's scores are the user's row of likes times a matrix of weights between movies.

    The model knows the users who liked a movie that it has weights of; other movies score −inf. An
    explanation is exact.
    """

    modelled_: np.ndarray  # (m,) int64 ascending, positions of the movies that have weights
    # (m, m) float32, from a liked movie (row) to a scored one (column): an array or CSR
    weights_: Any

    @abstractmethod
    def worth(self, likes: Histories) -> np.ndarray:
        """Return (H,) what each like counts in its user's row."""

    def modelled_likes(self, histories: Histories) -> Histories:
        """Return the likes of movies that the model has weights of."""
        return histories.where(self.is_modelled_like(histories))

    def is_modelled_like(self, histories: Histories) -> np.ndarray:
        """Return (H,) bool: a like of a movie that the model has weights of."""
        is_like = histories.ratings >= self.like_threshold_
        return is_like & np.isin(histories.movies, self.modelled_)

    def knows(self, histories: Histories) -> np.ndarray:
        return self.modelled_likes(histories).lengths > 0

    def score_block(self, histories: Histories) -> np.ndarray:
        likes = self.modelled_likes(histories)
        # A sparse product goes row by row, so that a user's scores do not depend on who else is
        # scored.
        product = likes.csr(self.worth(likes))[:, self.modelled_] @ self.weights_
        if sparse.issparse(product):
            product = product.toarray()
        scores = np.full((len(histories), len(self.movie_ids_)), -np.inf, dtype=np.float32)
        scores[:, self.modelled_] = product
        scores[likes.lengths == 0] = -np.inf
        return scores

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = self.is_modelled_like(histories)
        likes = histories.where(is_like)
        rows = index_of(self.modelled_, likes.movies)
        columns = targets_of_ratings(likes, index_of(self.modelled_, movies))
        weights = weights_at(self.weights_, rows, columns)
        shares = self.worth(likes)[:, None] * weights
        return Explanation.of_likes("exact", histories, is_like, shares)

    def similar(self, n: int) -> TopN:
        blocks = symmetric_blocks(self.weights_)
        return self.list_ids(*nearest_by_weights(blocks, self.modelled_, len(self.movie_ids_), n))

    def state(self) -> dict[str, np.ndarray]:
        arrays = {"modelled_": self.modelled_}
        if sparse.issparse(self.weights_):
            return arrays | as_arrays("weights_", self.weights_)
        return arrays | {"weights_": self.weights_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.modelled_ = state["modelled_"]
        self.weights_ = state["weights_"] if "weights_" in state else from_arrays("weights_", state)


def symmetric_blocks(weights: Any) -> Iterator[np.ndarray]:
    """Yield blocks (b, m) of the mean of weights (m, m), an array or CSR, and their transpose."""
    transposed = weights.T.tocsr() if sparse.issparse(weights) else weights.T
    for start in range(0, weights.shape[0], MOVIES_AT_ONCE):
        rows = slice(start, start + MOVIES_AT_ONCE)
        block = (weights[rows] + transposed[rows]) / 2
        yield block.toarray() if sparse.issparse(block) else block
