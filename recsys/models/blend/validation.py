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
    """Members are fitted to `train`, the ratings up to `cut`, and evaluated on `held_out`. `users`
    (V,) int64 ascending liked something there.
    """

    cut: str
    train: Interactions
    held_out: Interactions
    users: np.ndarray
    like_threshold: float

    @classmethod
    def of(
        cls, ratings: Interactions, kind: Kind, *, min_users: int, like_threshold: float, seed: int
    ) -> "Validation":
        """Split the ratings. By "exam", the slice is what the week's exam would be if they were all
        there is, and has the name that the exam has.
        """
        if kind == "exam":
            exam = split_exam(ratings, min_users=min_users, like_threshold=like_threshold)
            users = some_of(exam.users)
            train = exam.train.interactions()
            return cls(exam.cut_name, train, exam.held_out, users, like_threshold)
        if kind == "leave one out":
            return cls.split(kind, ratings, leave_one_out(ratings), like_threshold)
        return cls.split(kind, ratings, random_share(ratings, SHARE, seed=seed), like_threshold)

    @classmethod
    def split(
        cls, kind: Kind, ratings: Interactions, held_out: np.ndarray, like_threshold: float
    ) -> "Validation":
        """Hold ratings out by a mask (R,)."""
        users = some_of(deciding_users(ratings, held_out, ratings.ratings >= like_threshold))
        train = ratings.where(~held_out)
        return cls(kind, train, ratings.where(held_out), users, like_threshold)

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
        blocks = list(self.blocks(members, relevant))
        n_relevant = np.diff(relevant.indptr)
        return {name: candidates_of(blocks, name, n_relevant) for name in FUSIONS}

    def blocks(
        self, members: Sequence[Recommender], relevant: sparse.csr_matrix
    ) -> Iterator["Block"]:
        """Yield the candidates of AT_ONCE users after another."""
        all_seen = self.train.seen_by(self.users)
        for start in range(0, len(self.users), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            histories = self.train.histories_of(self.users[rows])
            scores = [member.score_block(histories) for member in members]
            users, movies = np.nonzero(among_the_best(scores, all_seen[rows]))
            liked = relevant[rows].toarray()[users, movies] > 0
            yield Block(users + start, liked, points_of(scores, users, movies))


@dataclass(frozen=True)
class Block:
    """Candidates of some users: their numbers (N,), whether they liked the movie (N,) bool, and the
    members' points (N, n) by fusion.
    """

    users: np.ndarray
    liked: np.ndarray
    points: dict[str, np.ndarray]


def candidates_of(blocks: Sequence[Block], fusion: str, n_relevant: np.ndarray) -> Candidates:
    """Join the blocks, with the points by one fusion; `n_relevant` (V,) as `Candidates` has it."""
    return Candidates(
        np.concatenate([block.users for block in blocks]),
        np.concatenate([block.points[fusion] for block in blocks]),
        np.concatenate([block.liked for block in blocks]),
        n_relevant,
    )


def points_of(
    blocks: Sequence[np.ndarray], users: np.ndarray, movies: np.ndarray
) -> dict[str, np.ndarray]:
    """Return by fusion the points (N, n) of members' scores (B, M), at N rows and positions."""
    points = {}
    for name, fusion in FUSIONS.items():
        of_members = [fusion(block.copy(), block > -np.inf)[users, movies] for block in blocks]
        points[name] = np.stack(of_members, axis=1)
    return points


def some_of(users: np.ndarray) -> np.ndarray:
    """Return at most MAX_USERS of the users (U,), evenly from all."""
    n = min(len(users), MAX_USERS)
    return users[np.linspace(0, len(users) - 1, n).astype(np.int64)]


def among_the_best(blocks: Sequence[np.ndarray], seen: sparse.csr_matrix) -> np.ndarray:
    """Return (B, M) bool: one of the DEPTH unseen movies that some member puts first."""
    everyone = slice(0, len(blocks[0]))
    is_candidate = np.zeros(blocks[0].shape, dtype=bool)
    for block in blocks:
        positions, _ = top_n(mask_seen(block.copy(), seen, everyone), DEPTH)
        users, place = np.nonzero(positions >= 0)
        is_candidate[users, positions[users, place]] = True
    return is_candidate
