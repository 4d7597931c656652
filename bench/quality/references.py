"""Simple lists that a protocol is known by. They are no recipes: nobody would serve them, and each
is a few lines.
"""

from typing import Self

import numpy as np
from pydantic import Field

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Train
from recsys.models.base import Config, Recommender, Report, silent
from recsys.recipe import Recipe


class NewestLikesConfig(Config):
    newest: int = Field(default=100_000, ge=1, description="newest likes that count")


class NewestLikes(Recommender):
    """The movies with the most of the community's newest likes."""

    name = "newest_likes"
    Config = NewestLikesConfig

    likes_: np.ndarray  # (M,) float32

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        likes = self.read(train).likes(self.like_threshold_)
        newest = np.argsort(likes.rated_at, kind="stable")[-self.config.newest :]
        n_likes = np.bincount(likes.movies[newest], minlength=len(self.movie_ids_))
        self.likes_ = n_likes.astype(np.float32)
        return self

    def knows(self, histories: Histories) -> np.ndarray:
        return histories.lengths > 0

    def score_block(self, histories: Histories) -> np.ndarray:
        return np.tile(self.likes_, (len(histories), 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"likes_": self.likes_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.likes_ = state["likes_"]


class GenreProfile(Recommender):
    """Cosine of the mean genre vector of a user's likes with a movie's genres: what content alone
    gives without learning.
    """

    name = "genre_profile"
    Config = Config

    genres_: np.ndarray  # (M, G) float32, rows of length 1, or 0 for a movie without genres

    genre_counts_: np.ndarray  # (M, G) float32, 1 where a movie is of a genre

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        self.read(train)
        self.genre_counts_ = catalogue.genres.multi_hot()
        self.genres_ = _unit(self.genre_counts_)
        return self

    def knows(self, histories: Histories) -> np.ndarray:
        return histories.lengths > 0

    def score_block(self, histories: Histories) -> np.ndarray:
        likes = histories.csr(histories.ratings >= self.like_threshold_)
        scores = _unit(likes @ self.genre_counts_) @ self.genres_.T
        scores[~self.knows(histories)] = -np.inf
        return scores

    def state(self) -> dict[str, np.ndarray]:
        return {"genre_counts_": self.genre_counts_, "genres_": self.genres_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.genre_counts_, self.genres_ = state["genre_counts_"], state["genres_"]


#: Name → class, beside the recipes of `recsys.models`.
REFERENCES: dict[str, type[Recommender]] = {kind.name: kind for kind in (NewestLikes, GenreProfile)}


def reference(name: str) -> Recipe:
    """A reference under its name and settings, as a recipe is written."""
    return Recipe(name, tuple(sorted(REFERENCES[name].Config().model_dump(mode="json").items())))


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32)
