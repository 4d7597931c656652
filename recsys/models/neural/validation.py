"""What early stopping looks at: the newest part of a fit's own data, ranked by what came before."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from recsys.evaluation.holdout import leave_newest_out, leave_one_out, random_share
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.features.interactions import Interactions, index_of
from recsys.models.top_n import mask_seen, top_n

__all__ = ["MAX_USERS", "MIN_USERS", "Kind", "Validation"]

Kind = Literal["newest", "leave one out"]

SHARE = 0.1

#: Below this many users, a slice cut by time says too little: then it is leave-newest-out.
MIN_USERS = 200

#: Users that are ranked for, at most: enough for a mean, and an epoch is not spent on counting.
MAX_USERS = 2_000

K = 10


@dataclass(frozen=True)
class Validation:
    """`train` is fitted to. Lists are made for its users at `positions` (V,); `relevant` and `seen`
    (V, M) are theirs.
    """

    kind: str
    train: Interactions
    positions: np.ndarray
    relevant: sparse.csr_matrix
    seen: sparse.csr_matrix

    def __len__(self) -> int:
        return len(self.positions)

    def __str__(self) -> str:
        return f"{self.kind}, {len(self)} users"

    @classmethod
    def of(
        cls, ratings: Interactions, like_threshold: float, kind: Kind = "newest"
    ) -> "Validation | None":
        """Hold out the newest tenth by time where enough users are in it, else the newest tenth of
        each user; a random tenth of ratings that have no times. By "leave one out", each user's
        newest rating. None where nobody is in it.
        """
        if kind == "leave one out":
            return cls.split(kind, ratings, leave_one_out(ratings), like_threshold) or None
        if len(ratings) and ratings.rated_at.min() == ratings.newest:
            is_drawn = random_share(ratings, SHARE, seed=0)
            return cls.split("random", ratings, is_drawn, like_threshold) or None
        is_newest = ratings.rated_at >= np.quantile(ratings.rated_at, 1 - SHARE)
        dated = cls.split("newest by time", ratings, is_newest, like_threshold)
        if len(dated) >= MIN_USERS:
            return dated
        is_newest_of_user = leave_newest_out(ratings)
        own = cls.split("leave-newest-out", ratings, is_newest_of_user, like_threshold)
        return max(own, dated, key=len) or None

    @classmethod
    def split(
        cls, kind: str, ratings: Interactions, held_out: np.ndarray, like_threshold: float
    ) -> "Validation":
        """Hold ratings out by a mask (R,); rank for users who have a like on either side."""
        train = ratings.where(~held_out)
        relevant = ratings.where(held_out & (ratings.ratings >= like_threshold))
        likers = train.where(train.ratings >= like_threshold).user_ids
        users = some_of(relevant.user_ids[index_of(likers, relevant.user_ids) >= 0])
        positions = index_of(train.user_ids, users)
        return cls(kind, train, positions, relevant.seen_by(users), train.seen_by(users))

    def ndcg(self, user_vectors: np.ndarray, movie_vectors: np.ndarray) -> float:
        """Return the users' mean NDCG@10, over all movies less those that each had rated, by
        vectors of all users (U, d) and movies (M, d).
        """
        return self.ndcg_of(user_vectors[self.positions] @ movie_vectors.T)

    def ndcg_of(self, scores: np.ndarray) -> float:
        """Return the same of all scores (V, M), which it changes."""
        best, _ = top_n(mask_seen(scores, self.seen, slice(0, len(scores))), K)
        return float(ndcg(self.hits(best), np.diff(self.relevant.indptr)).mean())

    def hits(self, lists: np.ndarray) -> np.ndarray:
        """Return (V, K) bool: which positions of the lists (V, K) are relevant."""
        rows = np.repeat(np.arange(len(lists)), K)
        relevant = np.asarray(self.relevant[rows, lists.clip(min=0).ravel()]).reshape(lists.shape)
        return (relevant > 0) & (lists >= 0)


def some_of(users: np.ndarray) -> np.ndarray:
    """Return at most MAX_USERS of the users (U,), evenly from all."""
    n = min(len(users), MAX_USERS)
    return users[np.linspace(0, len(users) - 1, n).astype(np.int64)]
