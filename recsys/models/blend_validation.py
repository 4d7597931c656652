"""The slice that a blend learns its weights on, and what its members say there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from recsys.evaluation.holdout import leave_one_out, random_share
from recsys.evaluation.split import deciding_users, split_exam
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Recommender
from recsys.models.fusion import FUSIONS
from recsys.models.fusion_weights import Candidates
from recsys.models.ranking import mask_seen, top_n

Kind = Literal["exam", "leave one out", "random"]

#: Share of the ratings that a random slice holds out.
SHARE = 0.1

#: Users that are asked, at most: enough to tell a few weights, and their candidates fit in memory.
MAX_USERS = 5_000

#: The best of each member that are ranked.
DEPTH = 100

#: Users asked at once: the scores of all members stand in memory together.
AT_ONCE = 256


@dataclass(frozen=True)
class Validation:
    """Members are fitted up to `cut` on `known`; `held_out` is asked. `users` (V,) int64 ascending
    liked something there.
    """

    cut: str
    known: Interactions
    held_out: Interactions
    users: np.ndarray
    like_threshold: float

    @classmethod
    def of(
        cls, train: Interactions, kind: Kind, *, min_users: int, like_threshold: float, seed: int
    ) -> "Validation":
        """By "exam", the slice is what the week's exam would be if `train` were all there is, and
        named as the exam names it.
        """
        if kind == "exam":
            exam = split_exam(train, min_users=min_users, like_threshold=like_threshold)
            cut, known, held_out, users = (
                exam.cut.isoformat() if exam.cut else exam.kind,
                exam.known,
                exam.held_out,
                exam.users,
            )
        else:
            asked = (
                leave_one_out(train)
                if kind == "leave one out"
                else random_share(train, SHARE, seed=seed)
            )
            users = deciding_users(train, asked, train.ratings >= like_threshold)
            cut, known, held_out = kind, train.where(~asked), train.where(asked)
        users = users[np.linspace(0, len(users) - 1, min(len(users), MAX_USERS)).astype(np.int64)]
        return cls(cut, known, held_out, users, like_threshold)

    def n_known(self, users: np.ndarray) -> np.ndarray:
        """(len(users),) how many known ratings each user id has."""
        counts = np.append(self.known.n_rated, 0)  # the last for the unknown
        return counts[index_of(self.known.user_ids, users)]

    def candidates(self, members: Sequence[Recommender]) -> dict[str, Candidates]:
        """For each fusion: the users' unseen movies that are among the DEPTH best of a member, with
        all members' points.
        """
        likes = self.held_out.where(self.held_out.ratings >= self.like_threshold)
        wanted, seen = likes.seen_by(self.users), self.known.seen_by(self.users)
        found = list(self._blocks(members, wanted, seen))
        users = np.concatenate([numbers for numbers, _, _ in found])
        liked = np.concatenate([own for _, own, _ in found])
        n_relevant = np.diff(wanted.indptr)
        return {
            name: Candidates(
                users, np.concatenate([points[name] for _, _, points in found]), liked, n_relevant
            )
            for name in FUSIONS
        }

    def _blocks(
        self, members: Sequence[Recommender], wanted: sparse.csr_matrix, seen: sparse.csr_matrix
    ) -> Iterator[tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]]:
        """Of AT_ONCE users at a time: their numbers (N,), what they liked (N,), and members' points
        (N, n) by fusion.
        """
        for start in range(0, len(self.users), AT_ONCE):
            rows = slice(start, min(start + AT_ONCE, len(self.users)))
            blocks = [member.score_block(self.users[rows]) for member in members]
            users, movies = np.nonzero(_among_the_best(blocks, seen, rows))
            points = {
                name: np.stack(
                    [fusion(block.copy(), block > -np.inf)[users, movies] for block in blocks],
                    axis=1,
                )
                for name, fusion in FUSIONS.items()
            }
            liked = wanted[rows].toarray()[users, movies] > 0
            yield users + start, liked, points


def _among_the_best(
    blocks: Sequence[np.ndarray], seen: sparse.csr_matrix, rows: slice
) -> np.ndarray:
    """(B, M) bool: one of the DEPTH unseen movies that some member puts first."""
    picked = np.zeros(blocks[0].shape, dtype=bool)
    for block in blocks:
        positions, _ = top_n(mask_seen(block.copy(), seen, rows), DEPTH)
        users, place = np.nonzero(positions >= 0)
        picked[users, positions[users, place]] = True
    return picked
