"""The reasons of a publication's lists: the user's own liked movies that speak most for each of the
first, and what each adds to its score.
"""

from dataclasses import dataclass

import numpy as np

from recsys.features.interactions import Interactions
from recsys.models.base import BLOCK, Recommender, TopN
from recsys.models.explanation import Kind
from recsys.models.top_n import empty_lists

__all__ = ["EACH", "ListRequest", "Reasons", "recommend_with_reasons"]

#: Movies that are cited for each movie, at most.
EACH = 3


@dataclass(frozen=True)
class ListRequest:
    """What is wanted of a model for some `users` (ids): lists of `n`, of movies that are `offered`
    (M,) bool, and reasons for the first `n_explained`.
    """

    users: np.ndarray
    n: int
    n_explained: int
    offered: np.ndarray | None = None


@dataclass(frozen=True)
class Reasons:
    """The reasons of U users' lists, EACH for a movie: `cited` (U, EACH k) ids, −1 for none, and
    `contributions` beside them, in units of the score.
    """

    kind: Kind
    cited: np.ndarray
    contributions: np.ndarray

    @property
    def has_any(self) -> np.ndarray:
        """Return (U,) bool: whether a movie of the user's is cited; the others' lists go by a
        rule.
        """
        return np.asarray((self.cited >= 0).any(axis=1))


def recommend_with_reasons(
    model: Recommender, request: ListRequest, histories: Interactions
) -> tuple[TopN, Reasons]:
    """Return the lists that `model.recommend` makes, and their reasons."""
    n_users = len(request.users)
    positions, scores = empty_lists(n_users, request.n)
    cited = np.full((n_users, EACH * request.n_explained), -1, dtype=np.int64)
    contributions = np.zeros(cited.shape, dtype=np.float32)
    kind: Kind = "rule"
    # a contribution for each rating and movie: no more users at once than that stays small for
    size = min(model.lists_at_once, BLOCK)
    for rows, block in model.blocks(request.users, histories, size):
        positions[rows], scores[rows], explanation = model.explained_top_n(
            block, request.n, request.n_explained, request.offered
        )
        kind = explanation.kind
        strongest = explanation.strongest(EACH)
        places = strongest.movies.reshape(-1, cited.shape[1])
        cited[rows] = np.where(places >= 0, model.movie_ids_[places], -1)
        contributions[rows] = strongest.contributions.reshape(places.shape)
    return model.list_ids(positions, scores), Reasons(kind, cited, contributions)
