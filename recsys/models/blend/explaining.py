"""What the user's own ratings add to a sum of members' standardised scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.features.histories import Histories
from recsys.models.base import Recommender
from recsys.models.blend.fusion import StandardScores
from recsys.models.explanation import Explanation, Kind, sums_by_user

__all__ = ["explain_sum"]


def explain_sum(
    members: Sequence[Recommender], weights: np.ndarray, histories: Histories, movies: np.ndarray
) -> Explanation:
    """Return what explains the sum of n members by weights (B, n), for the users' movies (B, k):
    each member's contributions on the sum's scale. Means, members that name their rule, and what
    stands for a movie that a member does not score are the rest.
    """
    total = Explanation.by_rule(histories, movies.shape[1])
    weight = np.zeros((len(histories), 1))
    kinds: set[Kind] = set()
    for member, of_member in zip(members, weights.T, strict=True):
        part = MemberPart.of(member, of_member, histories, movies)
        kinds.add(part.explained.kind)
        part.add_to(total)
        weight += part.weight
    scale = (1 / np.where(weight > 0, weight, 1)).astype(np.float32)
    contributions = total.contributions * scale[histories.users]
    return Explanation(kind_of(kinds), histories, contributions, total.rest * scale)


def kind_of(kinds: Iterable[Kind]) -> Kind:
    """Return the kind of a sum: exact where everything that goes by the ratings is."""
    of_ratings = set(kinds) - {"rule"}
    if not of_ratings:
        return "rule"
    return "exact" if of_ratings == {"exact"} else "leave_one_out"


@dataclass(frozen=True)
class MemberPart:
    """A member's explanation of k movies for B users, its `weight` (B, 1) for them, and its points
    (B, k), which are (score − mean) / deviation, both (B, 1), where the movie `is_scored` (B, k).
    """

    explained: Explanation
    weight: np.ndarray
    points: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    is_scored: np.ndarray

    @classmethod
    def of(
        cls, member: Recommender, weight: np.ndarray, histories: Histories, movies: np.ndarray
    ) -> "MemberPart":
        """Ask a member that has weights (B,)."""
        block = member.score_block(histories)
        scored = block > -np.inf
        standard = StandardScores.of(block, scored)
        users = np.arange(len(histories))[:, None]
        return cls(
            member.explain(histories, movies),
            (weight * scored.any(axis=1)).astype(np.float32)[:, None],
            np.where(movies >= 0, standard.points[users, movies], 0),
            standard.means,
            standard.deviations,
            scored[users, movies] & (movies >= 0),
        )

    def add_to(self, total: Explanation) -> None:
        """Add contributions and rest to those of all, in place, by weight."""
        factor = self.weight / self.deviations
        contributions = self.explained.contributions * factor[total.histories.users]
        total.contributions[:] += contributions
        if self.explained.kind == "exact":
            rest = self.weight * self.points
            of_scored = factor * (self.explained.rest - self.means)
            np.copyto(rest, of_scored, where=self.is_scored)
        else:
            rest = self.weight * self.points - sums_by_user(contributions, total.histories)
        total.rest[:] += rest
