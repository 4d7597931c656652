"""What is watched, and from where on it counts as drift. A measure is one function here and one
line in `MEASURES`.

Nothing here reads a database, so that the settings can name the measures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recsys.limits import LIMITS

#: Ratings that a week needs to be judged, or to be judged by. Between weeks that are alike, PSI
#: over ten bins is χ² of nine degrees of freedom over the number of ratings: below 0.04 in 95 of
#: 100 at 500, were each rating another person's. People rate in bunches, so that they count for
#: less; there is room for a fifth.
LEAST_RATINGS = 500
#: Weeks with as many that must lie before it. With fewer, their spread is anyone's guess: the band
#: below, drawn by four weeks, is left by one ordinary week in 17; by six, by one in 50; by eight,
#: by one in 100.
LEAST_WEEKS = int(LIMITS["drift_weeks"].least)
#: Scaled median absolute deviations either side of the median: with eight weeks, the five measures
#: that go by it give one false warning in 20 weeks. Median and MAD, because one odd week among
#: those before must not widen the band.
REACH = 6.0
#: From where on a histogram is by convention another one (Siddiqi, Credit Risk Scorecards, 2006:
#: not below 0.1, above 0.25).
PSI_BOUND = 0.2


@dataclass(frozen=True)
class Weeks:
    """This week, at 0, and W − 1 weeks before it, the newest first: counts (W,), and `histogram`
    (W, 10) of ratings by stars.

    `exam_scores` (E,) are the champions' in their weeks' exams, this week's first, NaN where there
    is none.
    """

    ratings: np.ndarray
    users: np.ndarray
    new_users: np.ndarray
    movies: np.ndarray
    new_movies: np.ndarray
    of_top_movie: np.ndarray
    histogram: np.ndarray
    exam_scores: np.ndarray

    @property
    def enough(self) -> np.ndarray:
        """(W,) bool: weeks with ratings enough to say anything."""
        return self.ratings >= LEAST_RATINGS

    @property
    def can_be_judged(self) -> bool:
        """Whether this week has ratings enough, and so many weeks before it."""
        return bool(self.enough[0]) and self.enough[1:].sum() >= LEAST_WEEKS

    def beside_those_before(
        self, counts: np.ndarray, of: np.ndarray, *, least: float = 0.0, least_share: float = 0.0
    ) -> "Reading | None":
        """The week's counts / of, both (W,), beside those of the weeks before that have ratings
        enough.
        """
        if not of[0]:
            return None
        share = float(counts[0] / of[0])
        if not self.enough[0]:
            return Reading(share)
        before = (counts / of.clip(1))[1:]
        return Reading(share, *_band(before[self.enough[1:]], least, least_share))


@dataclass(frozen=True)
class Reading:
    """A measure's value, and what was expected: `low` to `high`, both included; None where there is
    too little to say.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def drifted(self) -> bool | None:
        """Whether the value is outside of what was expected; None where nothing was."""
        if self.low is None or self.high is None:
            return None
        return not self.low <= self.value <= self.high


#: None where there is nothing to measure.
Measure = Callable[[Weeks], Reading | None]


def ratings_a_user(weeks: Weeks) -> Reading | None:
    """Half of the usual more or less always counts as usual: how much people do varies with the
    season.
    """
    return weeks.beside_those_before(weeks.ratings, of=weeks.users, least_share=0.5)


def rating_histogram(weeks: Weeks) -> Reading | None:
    """Population stability index of the week's stars against those of all the weeks before."""
    if not weeks.ratings[0] or not weeks.ratings[1:].any():
        return None
    index = stability_index(weeks.histogram[0], weeks.histogram[1:].sum(axis=0))
    return Reading(index, 0.0, PSI_BOUND) if weeks.can_be_judged else Reading(index)


def stability_index(now: np.ndarray, before: np.ndarray) -> float:
    """Σ (p − q) ln(p / q) over two histograms' shares.

    Half a count is added to each bin of both (Krichevsky & Trofimov, 1981), so that stars that
    nobody gave do not make it infinite.
    """
    p = (now + 0.5) / (now + 0.5).sum()
    q = (before + 0.5) / (before + 0.5).sum()
    return float(((p - q) * np.log(p / q)).sum())


def new_users(weeks: Weeks) -> Reading | None:
    """Of the week's users, the share of those who had never rated before it. Five points are noise
    in a small week.
    """
    return weeks.beside_those_before(weeks.new_users, of=weeks.users, least=0.05)


def new_movies(weeks: Weeks) -> Reading | None:
    """Of the movies rated in the week, the share of those that nobody had rated before it."""
    return weeks.beside_those_before(weeks.new_movies, of=weeks.movies, least=0.05)


def top_movie(weeks: Weeks) -> Reading | None:
    """Share of the week's ratings that its most rated movie has: a campaign, or a robot, shows here
    first.
    """
    return weeks.beside_those_before(weeks.of_top_movie, of=weeks.ratings, least=0.02)


def exam_score(weeks: Weeks) -> Reading | None:
    """The champion's NDCG@10, a quarter more or less at least. A fall may come of a broken source,
    and a rise of a leak.
    """
    scores = weeks.exam_scores
    if np.isnan(scores[0]):
        return None
    return Reading(float(scores[0]), *_band(scores[1:], least_share=0.25))


MEASURES: dict[str, Measure] = {
    "ratings a user": ratings_a_user,
    "rating histogram": rating_histogram,
    "share of new users": new_users,
    "share of new movies": new_movies,
    "share of the top movie": top_movie,
    "exam score": exam_score,
}


def _band(
    before: np.ndarray, least: float = 0.0, least_share: float = 0.0
) -> tuple[float, float] | tuple[None, None]:
    """What is expected after the figures `before` (B,), none of them negative; of too few weeks,
    nothing.

    As far from their median as `REACH` scaled median absolute deviations is expected; so is
    `least`, or `least_share` of the median, where they were more alike than that.
    """
    if len(before) < LEAST_WEEKS:
        return None, None
    middle = float(np.median(before))
    spread = 1.4826 * float(np.median(np.abs(before - middle)))
    reach = max(REACH * spread, least, least_share * middle)
    return max(middle - reach, 0.0), middle + reach
