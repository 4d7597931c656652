"""The exam of a week: which ratings every fit may see, and which are kept from all of them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from recsys.evaluation.holdout import leave_newest_out
from recsys.features.interactions import Interactions

WEEK_SECONDS = 7 * 24 * 3600
#: Weeks that a dated exam may span, tried in order.
WEEKS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Exam:
    """`known` is what every fit may see, `held_out` what it is examined on; both over the same
    `movie_ids`.

    `kind` says how the ratings were split. "dated": all ratings from `cut` on are held out, `weeks`
    before the newest rating. "leave-newest-out": each user's newest ratings are held out, so that a
    model peeks at other users' futures; `weeks` and `cut` are None. `users` (D,) int64 ascending
    are the ids that decide: at least one training rating and one relevant held-out rating.
    """

    kind: Literal["dated", "leave-newest-out"]
    weeks: int | None
    cut: datetime | None
    known: Interactions
    held_out: Interactions
    users: np.ndarray

    def knowing(self, known: Interactions, *, like_threshold: float) -> "Exam":
        """The same exam with what was known at its cut. What a user had rated by then is not asked,
        though re-rated since.
        """
        user_ids = self.held_out.user_ids[self.held_out.users]
        held_out = self.held_out.where(~known.has(user_ids, self.held_out.movies))
        is_like = held_out.ratings >= like_threshold
        liking = held_out.user_ids[np.unique(held_out.users[is_like])]
        users = np.intersect1d(liking, known.user_ids)
        return replace(self, known=known, held_out=held_out, users=users)


def split_exam(
    interactions: Interactions,
    *,
    min_users: int,
    like_threshold: float,
    wanted_users: int = 0,
    weeks: tuple[int, ...] = WEEKS,
) -> Exam:
    """The shortest dated exam that `wanted_users` decide, but at least `min_users`; else the
    longest that `min_users` do; with too few users even there, leave-newest-out.

    Windows end at the newest visible rating and not at as_of: a published set dropped today has an
    empty last week.
    """
    liked = interactions.ratings >= like_threshold
    longest = None
    for span in weeks:
        cut = interactions.newest - span * WEEK_SECONDS + 1
        held_out = interactions.rated_at >= cut
        users = deciding_users(interactions, held_out, liked)
        if len(users) < min_users:
            continue
        longest = Exam(
            kind="dated",
            weeks=span,
            cut=datetime.fromtimestamp(cut, UTC),
            known=interactions.where(~held_out),
            held_out=interactions.where(held_out),
            users=users,
        )
        if len(users) >= wanted_users:
            break
    return longest or _leave_newest_out_exam(interactions, liked)


def _leave_newest_out_exam(interactions: Interactions, liked: np.ndarray) -> Exam:
    held_out = leave_newest_out(interactions)
    return Exam(
        kind="leave-newest-out",
        weeks=None,
        cut=None,
        known=interactions.where(~held_out),
        held_out=interactions.where(held_out),
        users=deciding_users(interactions, held_out, liked),
    )


def deciding_users(
    interactions: Interactions, held_out: np.ndarray, liked: np.ndarray
) -> np.ndarray:
    """Ids of the users with a known rating and a held-out one that they liked, for masks (R,).
    int64, ascending.
    """
    n_users = len(interactions.user_ids)
    known = np.bincount(interactions.users[~held_out], minlength=n_users) > 0
    relevant = np.bincount(interactions.users[held_out & liked], minlength=n_users) > 0
    return interactions.user_ids[known & relevant]
