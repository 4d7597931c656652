"""The slice that a blend learns its weights on, and what its members say there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from recsys.evaluation.holdout import leave_one_out, random_share
from recsys.evaluation.split import deciding_users, split_exam
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Recommender
from recsys.models.blend.fusion import FUSIONS
from recsys.models.blend.weights import Candidates
from recsys.models.top_n import mask_seen, top_n

Kind = Literal["exam", "leave one out", "random"]

#: Share of the ratings that a random slice holds out.
SHARE = 0.1

#: Users in the slice, at most: enough to tell a few weights, and their candidates fit in memory.
MAX_USERS = 5_000

#: The best of each member that are ranked.
DEPTH = 100

#: Users scored at once: the scores of all members are in memory together.
AT_ONCE = 256


@dataclass(frozen=True)
class Validation:
    """Members are fitted up to `cut` on `train` and evaluated on `held_out`. `users` (V,) int64
    ascending liked something there.
    """

    cut: str
    train: Interactions
    held_out: Interactions
    users: np.ndarray
    like_threshold: float

    @classmethod
    def of(
        cls, train: Interactions, kind: Kind, *, min_users: int, like_threshold: float, seed: int
    ) -> "Validation":
        """Split `train`. By "exam", the slice is what the week's exam would be if `train` were all
        there is, and has the name that the exam has.
        """
        if kind == "exam":
            exam = split_exam(train, min_users=min_users, like_threshold=like_threshold)
            cut = exam.cut.isoformat() if exam.cut else exam.kind
            return cls(cut, exam.train, exam.held_out, _spread(exam.users), like_threshold)
        if kind == "leave one out":
            held_out = leave_one_out(train)
        else:
            held_out = random_share(train, SHARE, seed=seed)
        users = deciding_users(train, held_out, train.ratings >= like_threshold)
        return cls(
            kind, train.where(~held_out), train.where(held_out), _spread(users), like_threshold
        )

    def n_known(self, users: np.ndarray) -> np.ndarray:
        """Return (len(users),) how many training ratings each user id has."""
        counts = np.append(self.train.n_rated, 0)  # the last for strangers: index −1
        return counts[index_of(self.train.user_ids, users)]

    def candidates(self, members: Sequence[Recommender]) -> dict[str, Candidates]:
        """Return for each fusion the users' unseen movies that are among the DEPTH best of a
        member, with all members' points.
        """
        likes = self.held_out.where(self.held_out.ratings >= self.like_threshold)
        relevant = likes.seen_by(self.users)
        seen = self.train.seen_by(self.users)
        blocks = [
            self._block(members, relevant, seen, start)
            for start in range(0, len(self.users), AT_ONCE)
        ]
        users = np.concatenate([block.users for block in blocks])
        liked = np.concatenate([block.liked for block in blocks])
        n_relevant = np.diff(relevant.indptr)
        candidates = {}
        for name in FUSIONS:
            points = np.concatenate([block.points[name] for block in blocks])
            candidates[name] = Candidates(users, points, liked, n_relevant)
        return candidates

    def _block(
        self,
        members: Sequence[Recommender],
        relevant: sparse.csr_matrix,
        seen: sparse.csr_matrix,
        start: int,
    ) -> "_Block":
        """Return the candidates of AT_ONCE users, of those from `start` on."""
        rows = slice(start, min(start + AT_ONCE, len(self.users)))
        scores = [member.score_block(self.users[rows]) for member in members]
        users, movies = np.nonzero(_among_the_best(scores, seen, rows))
        points = {}
        for name, fusion in FUSIONS.items():
            of_members = [fusion(block.copy(), block > -np.inf)[users, movies] for block in scores]
            points[name] = np.stack(of_members, axis=1)
        liked = relevant[rows].toarray()[users, movies] > 0
        return _Block(users + start, liked, points)


@dataclass(frozen=True)
class _Block:
    """Candidates of some users: their numbers (N,), whether they liked the movie (N,) bool, and the
    members' points (N, n) by fusion.
    """

    users: np.ndarray
    liked: np.ndarray
    points: dict[str, np.ndarray]


def _spread(users: np.ndarray) -> np.ndarray:
    """Return at most MAX_USERS of the users (U,), evenly from all."""
    n = min(len(users), MAX_USERS)
    return users[np.linspace(0, len(users) - 1, n).astype(np.int64)]


def _among_the_best(
    blocks: Sequence[np.ndarray], seen: sparse.csr_matrix, rows: slice
) -> np.ndarray:
    """Return (B, M) bool: one of the DEPTH unseen movies that some member puts first."""
    is_candidate = np.zeros(blocks[0].shape, dtype=bool)
    for block in blocks:
        positions, _ = top_n(mask_seen(block.copy(), seen, rows), DEPTH)
        users, place = np.nonzero(positions >= 0)
        is_candidate[users, positions[users, place]] = True
    return is_candidate
