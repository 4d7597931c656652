"""The exam of a week: which ratings every fit may see, and which are kept from all of them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, Self

import numpy as np

from recsys.evaluation.holdout import leave_newest_out
from recsys.features.interactions import Interactions

WEEK_SECONDS = 7 * 24 * 3600
#: Weeks that a dated exam may span, tried in order.
WEEKS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Exam:
    """`train` is what every fit may see, `held_out` what it is evaluated on; both over the same
    `movie_ids`.

    `kind` says how the ratings were split. "dated": all ratings from `cut` on are held out, `weeks`
    before the newest rating. "leave-newest-out": each user's newest ratings are held out, so that a
    model peeks at other users' futures; `weeks` and `cut` are None. `users` (D,) int64 ascending
    are the ids that decide: at least one training rating and one relevant held-out rating.
    """

    kind: Literal["dated", "leave-newest-out"]
    weeks: int | None
    cut: datetime | None
    train: Interactions
    held_out: Interactions
    users: np.ndarray

    @property
    def cut_name(self) -> str:
        """Return the cut as fits are known by: its time, or how the ratings were split."""
        return self.cut.isoformat() if self.cut else self.kind

    def with_train(self, train: Interactions, *, like_threshold: float) -> "Exam":
        """Return the same exam with the training ratings that there were at its cut. What a user
        had rated by then is not held out, though rated again since.
        """
        is_in_train = train.has(self.held_out.row_user_ids, self.held_out.movies)
        held_out = self.held_out.where(~is_in_train)
        is_like = held_out.ratings >= like_threshold
        liking = held_out.user_ids[np.unique(held_out.users[is_like])]
        users = np.intersect1d(liking, train.user_ids)
        return replace(self, train=train, held_out=held_out, users=users)


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
    liked = interactions.ratings >= like_threshold
    longest = None
    for span in weeks:
        split = _Split.by_time(interactions, liked, span)
        if len(split.users) >= min_users:
            longest = split
            if len(split.users) >= wanted_users:
                break
    return (longest or _Split.of_each_user(interactions, liked)).exam()


@dataclass(frozen=True)
class _Split:
    """A mask (R,) of held-out ratings, and the users that then decide."""

    interactions: Interactions
    is_held_out: np.ndarray
    users: np.ndarray
    weeks: int | None = None
    cut: datetime | None = None

    @classmethod
    def by_time(cls, interactions: Interactions, liked: np.ndarray, weeks: int) -> Self:
        """Hold out the ratings of the newest weeks."""
        first = interactions.newest - weeks * WEEK_SECONDS + 1
        mask = interactions.rated_at >= first
        users = deciding_users(interactions, mask, liked)
        return cls(interactions, mask, users, weeks, datetime.fromtimestamp(first, UTC))

    @classmethod
    def of_each_user(cls, interactions: Interactions, liked: np.ndarray) -> Self:
        """Hold out each user's newest ratings."""
        mask = leave_newest_out(interactions)
        return cls(interactions, mask, deciding_users(interactions, mask, liked))

    def exam(self) -> Exam:
        """Return the exam that is split so."""
        return Exam(
            kind="dated" if self.cut else "leave-newest-out",
            weeks=self.weeks,
            cut=self.cut,
            train=self.interactions.where(~self.is_held_out),
            held_out=self.interactions.where(self.is_held_out),
            users=self.users,
        )


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
