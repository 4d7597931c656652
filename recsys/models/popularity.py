"""Recent popularity: the list that a personal model has to beat."""

from typing import Self

import numpy as np
from pydantic import Field

from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models.base import Config, Recommender, Report, silent

SECONDS_A_DAY = 86_400


class PopularityConfig(Config):
    """What counts as a like, and how fast it fades."""

    like_threshold: float = Field(default=4.0, description="a rating from here on is a like")
    half_life_days: float = Field(
        default=180.0, gt=0, description="age, back from the newest rating, at which a like counts half"
    )


class Popularity(Recommender):
    """Score of a movie = its likes, each halved every `half_life_days` before the newest visible rating.

    The same list for everybody, strangers too. Half a year keeps enough likes to rank a small community's movies by, and
    still lets a busy one's list change with the seasons. A movie without likes scores 0: it comes last, by movie id.
    """

    name = "popularity"
    Config = PopularityConfig

    likes_: np.ndarray  # (M,) float32

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        liked = train.ratings >= self.config.like_threshold
        age_days = (train.newest - train.rated_at[liked]) / SECONDS_A_DAY
        weight = np.exp2(-age_days / self.config.half_life_days)
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.likes_ = np.bincount(train.movies[liked], weight, minlength=len(train.movie_ids)).astype(np.float32)
        return self

    def score_block(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self.likes_, (len(users), 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"likes_": self.likes_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.likes_ = state["likes_"]
