"""What early stopping looks at: the newest part of a fit's own data, ranked by what came before."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recsys.evaluation.holdout import leave_newest_out
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.features.interactions import Interactions, index_of
from recsys.models.top_n import mask_seen, top_n

SHARE = 0.1

#: Below this many users, a slice cut by time says too little: then it is each user's newest
#: ratings.
MIN_USERS = 200

#: Users that are asked, at most: enough for a mean, and an epoch is not spent on counting.
MAX_USERS = 2_000

K = 10


@dataclass(frozen=True)
class Validation:
    """`known` is fitted to. Its users at `positions` (V,) are asked; `relevant` and `seen` (V, M)
    are theirs.
    """

    kind: str
    known: Interactions
    positions: np.ndarray
    relevant: sparse.csr_matrix
    seen: sparse.csr_matrix

    def __str__(self) -> str:
        return f"{self.kind}, {len(self.positions)} users"

    @classmethod
    def of(cls, train: Interactions, like_threshold: float) -> "Validation | None":
        """The newest tenth by time where enough users are in it, else each user's newest tenth;
        None where nobody is.
        """
        newest = train.rated_at >= np.quantile(train.rated_at, 1 - SHARE)
        dated = cls._split("newest by time", train, newest, like_threshold)
        if len(dated.positions) >= MIN_USERS:
            return dated
        latest = cls._split("leave-newest-out", train, leave_newest_out(train), like_threshold)
        best = max(latest, dated, key=lambda validation: len(validation.positions))
        return best if len(best.positions) else None

    @classmethod
    def _split(
        cls, kind: str, train: Interactions, held_out: np.ndarray, like_threshold: float
    ) -> "Validation":
        known = train.where(~held_out)
        likes = known.where(known.ratings >= like_threshold)
        relevant = train.where(held_out & (train.ratings >= like_threshold))
        users = relevant.user_ids[index_of(likes.user_ids, relevant.user_ids) >= 0]
        n = min(len(users), MAX_USERS)
        users = users[np.linspace(0, len(users) - 1, n).astype(np.int64)]
        return cls(
            kind=kind,
            known=known,
            positions=index_of(known.user_ids, users),
            relevant=relevant.seen_by(users),
            seen=known.seen_by(users),
        )

    def ndcg(self, user_vectors: np.ndarray, movie_vectors: np.ndarray) -> float:
        """Mean NDCG@10 of the users asked, over all movies less what each had rated."""
        scores = user_vectors[self.positions] @ movie_vectors.T
        best, _ = top_n(mask_seen(scores, self.seen, slice(0, len(scores))), K)
        rows = np.repeat(np.arange(len(best)), K)
        relevant = np.asarray(self.relevant[rows, best.clip(min=0).ravel()]).reshape(best.shape)
        hits = (relevant > 0) & (best >= 0)
        return float(ndcg(hits, np.diff(self.relevant.indptr)).mean())
