"""Simple lists that a protocol is known by. They are no recipes: nobody would serve them, and each
is a few lines.
"""

from typing import Self

import numpy as np
from pydantic import Field

from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Config, Recommender, Report, silent
from recsys.recipe import Recipe


class NewestLikesConfig(Config):
    newest: int = Field(default=100_000, ge=1, description="newest likes that count")
    like_threshold: float = 4.0


class NewestLikes(Recommender):
    """The movies with the most of the community's newest likes."""

    name = "newest_likes"
    Config = NewestLikesConfig

    likes_: np.ndarray  # (M,) float32

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        liked = np.flatnonzero(train.ratings >= self.config.like_threshold)
        newest = liked[np.argsort(train.rated_at[liked], kind="stable")][-self.config.newest :]
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.likes_ = np.bincount(train.movies[newest], minlength=len(train.movie_ids)).astype(
            np.float32
        )
        return self

    def score_block(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self.likes_, (len(users), 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"likes_": self.likes_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.likes_ = state["likes_"]


class GenreProfileConfig(Config):
    like_threshold: float = 4.0


class GenreProfile(Recommender):
    """Cosine of the mean genre vector of a user's likes with a movie's genres: what content alone
    gives without learning.
    """

    name = "genre_profile"
    Config = GenreProfileConfig

    profiles_: np.ndarray  # (U, G) float32, rows of length 1, or 0 for a user without likes
    genres_: np.ndarray  # (M, G) float32, rows of length 1, or 0 for a movie without genres

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        genres = catalogue.genres.multi_hot()
        liked = train.csr(train.ratings >= self.config.like_threshold)
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.profiles_, self.genres_ = _unit(liked @ genres), _unit(genres)
        return self

    def score_block(self, users: np.ndarray) -> np.ndarray:
        rows = index_of(self.user_ids_, users)
        scores = self.profiles_[rows] @ self.genres_.T
        scores[rows < 0] = -np.inf
        return scores

    def state(self) -> dict[str, np.ndarray]:
        return {"profiles_": self.profiles_, "genres_": self.genres_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.profiles_, self.genres_ = state["profiles_"], state["genres_"]


#: Name → class, beside the recipes of `recsys.models`.
REFERENCES: dict[str, type[Recommender]] = {kind.name: kind for kind in (NewestLikes, GenreProfile)}


def reference(name: str) -> Recipe:
    """A reference under its name and settings, as a recipe is written."""
    return Recipe(name, tuple(sorted(REFERENCES[name].Config().model_dump(mode="json").items())))


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32)
