"""Recent popularity: the list that a personal model has to beat."""

from datetime import UTC, datetime
from typing import Annotated, Self

import numpy as np
from pydantic import Field

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.features.train import Train
from recsys.models.base import Config, Recommender, Report, Search, silent
from recsys.models.recency import SECONDS_A_DAY, faded

#: Periods that the likes' times are cut into, and likes that a movie's share is drawn to 0 by.
PERIODS = 40
DOUBT = 20


class PopularityConfig(Config):
    """What counts as a like, and for how long."""

    half_life_days: Annotated[float | None, Search(1, 3_650, log=True)] = Field(
        default=180.0,
        gt=0,
        description="age, back from the newest rating, at which a like counts half; none: never",
    )
    window_days: float | None = Field(
        default=None,
        gt=0,
        description="age, back from the newest rating, past which a like does "
        "not count; none: all count",
    )
    freshness: float = Field(
        default=0.0,
        ge=0,
        description="what is added for a movie all of whose likes came after "
        "the user's newest rating",
    )
    new_releases: float = Field(
        default=0.0,
        ge=0,
        description="what is added for a movie of the newest rating's year; half for that of the "
        "year before, …",
    )


class Popularity(Recommender):
    """Score of a movie = log(1 + its likes within `window_days` of the newest visible rating, each
    halved for every `half_life_days` of age): the logarithm changes no list, and is what adds up
    well with other recipes' scores in a blend.

    Counting, with the time window and the instance decay of Koren's "Collaborative Filtering with
    Temporal Dynamics" (2009). The same list for everybody, strangers too. Half a year keeps enough
    likes to rank a small community's movies by, and still lets a busy one's list change with the
    seasons. A movie without likes scores 0: it comes last, by movie id.

    With `freshness`, a user's list also tells what has come up since the user was last here: the
    share of a movie's likes that is younger than the user's newest rating, times `freshness`. Then
    the list is the same for those who were last here together, in one of PERIODS periods with as
    many likes each; a stranger gets the list without it. With `new_releases`, movies that have just
    come out are ahead of what they have had the time to be liked for.

    Cost of a fit of R ratings, M movies: O(R + M) time, 25R bytes of working memory; 4M bytes are
    kept, 4M · PERIODS more with freshness. Scores: O(M) a user.
    """

    name = "popularity"
    explains = "rule"
    Config = PopularityConfig
    array_names = ("likes_", "newness_", "fresh_", "ends_")

    likes_: np.ndarray  # (M,) float32
    # (M,) float32, halved for every year since the release; 0 where the year is not known
    newness_: np.ndarray
    # (PERIODS + 1, M) float32, share of each movie's likes that is younger than a period; the last
    # row is 0
    fresh_: np.ndarray
    ends_: np.ndarray  # (PERIODS − 1,) float64 epoch seconds that part the periods

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        ratings = self.read(train)
        self.newness_ = newness(catalogue.years, ratings.newest)
        likes = ratings.where(ratings.ratings >= self.like_threshold_)
        weights = self.weights(ratings.newest - likes.rated_at)
        self.likes_ = np.bincount(likes.movies, weights, len(self.movie_ids_)).astype(np.float32)
        self.ends_ = self.ends_of_periods(likes)
        self.fresh_ = self.younger_shares(likes)
        return self

    def weights(self, age_seconds: np.ndarray) -> np.ndarray:
        """Return (R,) what likes aged (R,) count."""
        weights = faded(age_seconds, self.config.half_life_days)
        if self.config.window_days is not None:
            weights[age_seconds > self.config.window_days * SECONDS_A_DAY] = 0
        return weights

    def ends_of_periods(self, likes: Interactions) -> np.ndarray:
        """Return the times that part the periods; none without freshness or likes."""
        if not self.config.freshness or not len(likes):
            return np.empty(0)
        return ends_of_periods(likes)

    def younger_shares(self, likes: Interactions) -> np.ndarray:
        """Return (PERIODS + 1, M) float32 shares of each movie's likes that are younger than a
        period, the last row 0; without periods, that row alone.
        """
        nothing_younger = np.zeros((1, len(likes.movie_ids)), dtype=np.float32)
        if not len(self.ends_):
            return nothing_younger
        shares = younger_shares(likes, self.ends_)
        return np.vstack([shares, nothing_younger]).astype(np.float32)

    def knows(self, histories: Histories) -> np.ndarray:
        return histories.lengths > 0

    def score_block(self, histories: Histories) -> np.ndarray:
        period = np.where(self.knows(histories), np.searchsorted(self.ends_, histories.newest), -1)
        for_all = np.log1p(self.likes_) + np.float32(self.config.new_releases) * self.newness_
        return for_all + np.float32(self.config.freshness) * self.fresh_[period]


def ends_of_periods(likes: Interactions) -> np.ndarray:
    """Return (PERIODS − 1,) times that part the likes in PERIODS as large ones."""
    return np.quantile(likes.rated_at, np.arange(1, PERIODS) / PERIODS)


def younger_shares(likes: Interactions, ends: np.ndarray) -> np.ndarray:
    """Return (PERIODS, M) shares of each movie's likes that are younger than a period; `ends`
    (PERIODS − 1,) of all but the last.
    """
    n_movies = len(likes.movie_ids)
    place = np.searchsorted(ends, likes.rated_at) * n_movies + likes.movies
    by_period = np.bincount(place, minlength=PERIODS * n_movies).reshape(PERIODS, n_movies)
    total = by_period.sum(axis=0)
    younger = total - by_period.cumsum(axis=0)
    return younger / (total + DOUBT)


def newness(years: np.ndarray, newest: int) -> np.ndarray:
    """Return (M,) float32, halved for every year before that of `newest`; 0 where it is unknown."""
    age = np.maximum(datetime.fromtimestamp(newest, UTC).year - years, 0)
    return np.where(np.isnan(age), 0, np.exp2(-age)).astype(np.float32)
