"""The exam of a week: which ratings every fit may see, and which are kept from all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal, Self

import numpy as np

from recsys.errors import ModelError
from recsys.evaluation.holdout import leave_newest_out, newest_by_time
from recsys.features.interactions import Interactions
from recsys.features.raters import Raters
from recsys.features.train import Loaded, Train

WEEK_SECONDS = 7 * 24 * 3600
#: Weeks that a dated exam may span, tried in order.
WEEKS = (1, 2, 4, 8)

Kind = Literal["dated", "leave-newest-out"]


@dataclass(frozen=True)
class Exam:
    """`train` is what every fit may see, `held_out` what it is evaluated on; both over the same
    movies. Of the training ratings it holds what evaluation needs: `histories`, those of the users
    with held-out ratings, and how many users rated each movie.

    `kind` says how the ratings were split. "dated": all ratings from `cut` on are held out, `weeks`
    before the newest rating. "leave-newest-out": each user's newest ratings are held out, so that a
    model peeks at other users' futures; `weeks` and `cut` are None.
    """

    kind: Kind
    weeks: int | None
    cut: datetime | None
    train: Train
    held_out: Interactions
    histories: Interactions
    raters: Raters

    @classmethod
    def of(
        cls,
        kind: Kind,
        weeks: int | None,
        cut: datetime | None,
        train: Loaded,
        held_out: Interactions,
    ) -> Self:
        """Return the exam of training ratings that are in this process."""
        ratings = train.ratings
        histories = ratings.where(ratings.is_of(held_out.user_ids))
        return cls(kind, weeks, cut, train, held_out, histories, Raters.of(ratings))

    @property
    def movie_ids(self) -> np.ndarray:
        """Return (M,) int64, ascending: the movies."""
        return self.held_out.movie_ids

    @cached_property
    def users(self) -> np.ndarray:
        """Return (D,) int64, ascending: the ids of the users that decide, those with at least one
        training rating and a held-out like.
        """
        is_like = self.held_out.ratings >= self.train.like_threshold
        liking = self.held_out.user_ids[np.unique(self.held_out.users[is_like])]
        return np.intersect1d(liking, self.histories.user_ids)

    @property
    def cut_name(self) -> str:
        """Return the cut as fits are known by: its time, or how the ratings were split."""
        return name_of_cut(self.cut)

    def with_train(self, train: Interactions) -> "Exam":
        """Return the same exam with the training ratings that there were at its cut. What a user
        had rated by then is not held out, though rated again since.
        """
        is_in_train = train.has(self.held_out.row_user_ids, self.held_out.movies)
        held_out = self.held_out.where(~is_in_train)
        loaded = Loaded(train, self.train.like_threshold)
        return Exam.of(self.kind, self.weeks, self.cut, loaded, held_out)


def split_exam(
    interactions: Interactions,
    *,
    min_users: int,
    like_threshold: float,
    wanted_users: int = 0,
    weeks: tuple[int, ...] = WEEKS,
) -> Exam:
    """Return the shortest dated exam that `wanted_users` decide, but at least `min_users`; else the
    longest that `min_users` do; with too few users even there, leave-newest-out.

    Windows end at the newest visible rating and not at as_of: a published set dropped today has an
    empty last week.
    """
    data = Loaded(interactions, like_threshold)
    deciding = ((span, _Split.by_time(data, span).n_users) for span in weeks)
    span = shortest_enough(deciding, min_users=min_users, wanted_users=wanted_users)
    split = _Split.by_time(data, span) if span else _Split.of_each_user(data)
    return split.exam()


def split_newest(interactions: Interactions, share: float, like_threshold: float) -> Exam:
    """Return the dated exam that holds out the newest `share` of all ratings, whoever decides.

    Raises ModelError where nothing is left to learn from, or to evaluate on.
    """
    is_held_out = newest_by_time(interactions, share)
    held_out = interactions.where(is_held_out)
    train = Loaded(interactions.where(~is_held_out), like_threshold)
    if not len(held_out) or not len(train.ratings):
        raise ModelError(
            f"a share of {share:g} of {len(interactions):,} ratings leaves "
            f"{len(train.ratings):,} to learn from and {len(held_out):,} to evaluate on: expected "
            "some of both"
        )
    cut = datetime.fromtimestamp(int(held_out.rated_at.min()), UTC)
    return Exam.of("dated", None, cut, train, held_out)


def shortest_enough(
    deciding: Iterable[tuple[int, int]], *, min_users: int, wanted_users: int = 0
) -> int | None:
    """Return the weeks of the shortest window that is long enough, None where none is; `deciding`:
    weeks and how many users then decide, in ascending order.
    """
    longest = None
    for weeks, n_users in deciding:
        if n_users >= min_users:
            longest = weeks
            if n_users >= wanted_users:
                break
    return longest


def name_of_cut(cut: datetime | None) -> str:
    """Return a cut as fits are known by: its time, or how the ratings were split without one."""
    return cut.isoformat() if cut else "leave-newest-out"


def cut_of(newest: int, weeks: int) -> datetime:
    """Return the moment at which the newest weeks begin, up to the second of the newest rating."""
    return datetime.fromtimestamp(newest - weeks * WEEK_SECONDS + 1, UTC)


@dataclass(frozen=True)
class _Split:
    """Ratings, with a mask (R,) of those held out."""

    data: Loaded
    is_held_out: np.ndarray
    weeks: int | None = None
    cut: datetime | None = None

    @classmethod
    def by_time(cls, data: Loaded, weeks: int) -> Self:
        """Hold out the ratings of the newest weeks."""
        cut = cut_of(data.ratings.newest, weeks)
        return cls(data, data.ratings.rated_at >= cut.timestamp(), weeks, cut)

    @classmethod
    def of_each_user(cls, data: Loaded) -> Self:
        """Hold out each user's newest ratings."""
        return cls(data, leave_newest_out(data.ratings))

    @property
    def n_users(self) -> int:
        """Return how many users decide."""
        is_like = self.data.ratings.ratings >= self.data.like_threshold
        return len(deciding_users(self.data.ratings, self.is_held_out, is_like))

    def exam(self) -> Exam:
        """Return the exam that is split so."""
        ratings = self.data.ratings
        train = Loaded(ratings.where(~self.is_held_out), self.data.like_threshold)
        kind = "dated" if self.cut else "leave-newest-out"
        return Exam.of(kind, self.weeks, self.cut, train, ratings.where(self.is_held_out))


def deciding_users(
    interactions: Interactions, is_held_out: np.ndarray, liked: np.ndarray
) -> np.ndarray:
    """Return the ids of the users with a training rating and a held-out one that they liked, for
    masks (R,). int64, ascending.
    """
    n_users = len(interactions.user_ids)
    has_train = np.bincount(interactions.users[~is_held_out], minlength=n_users) > 0
    relevant = np.bincount(interactions.users[is_held_out & liked], minlength=n_users) > 0
    return interactions.user_ids[has_train & relevant]
