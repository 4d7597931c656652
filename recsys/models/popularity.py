"""Recent popularity: the list that a personal model has to beat."""

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models.base import Config, Recommender, Report, Search, silent
from recsys.models.recency import SECONDS_A_DAY, faded


class PopularityConfig(Config):
    """What counts as a like, and for how long."""

    like_threshold: float = Field(default=4.0, description="a rating from here on is a like")
    half_life_days: Annotated[float | None, Search(1, 3_650, log=True)] = Field(
        default=180.0, gt=0, description="age, back from the newest rating, at which a like counts half; none: never"
    )
    window_days: float | None = Field(
        default=None, gt=0, description="age, back from the newest rating, past which a like does not count; none: all count"
    )


class Popularity(Recommender):
    """Score of a movie = its likes within `window_days` of the newest visible rating, halved for every `half_life_days` of age.

    Counting, with the time window and the instance decay of Koren's "Collaborative Filtering with Temporal Dynamics" (2009). The
    same list for everybody, strangers too. Half a year keeps enough likes to rank a small community's movies by, and still lets a
    busy one's list change with the seasons. A movie without likes scores 0: it comes last, by movie id.

    Cost of a fit of R ratings, M movies: O(R + M) time, 25R bytes of working memory; 4M bytes are kept. Scores: O(M) a user.
    """

    name = "popularity"
    Config = PopularityConfig

    likes_: np.ndarray  # (M,) float32

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        liked = train.ratings >= self.config.like_threshold
        age = train.newest - train.rated_at[liked]
        weight = faded(age, self.config.half_life_days)
        if self.config.window_days is not None:
            weight[age > self.config.window_days * SECONDS_A_DAY] = 0
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.likes_ = np.bincount(train.movies[liked], weight, minlength=len(train.movie_ids)).astype(np.float32)
        return self

    def score_block(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self.likes_, (len(users), 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"likes_": self.likes_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.likes_ = state["likes_"]
