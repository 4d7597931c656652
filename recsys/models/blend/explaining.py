"""What the user's own ratings add to a sum of members' standardised scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from recsys.models.blend.fusion import StandardScores
from recsys.models.explanation import Explanation, Kind

__all__ = ["Scales", "explain_sum"]


@dataclass
class Scales:
    """Standardises members' scores one after another, as a fusion does, and keeps by what: of each
    member the rows' `deviations` (B, 1), and which rows it `answers` (B, 1) bool.
    """

    deviations: list[np.ndarray] = field(default_factory=list)
    answers: list[np.ndarray] = field(default_factory=list)

    def __call__(self, block: np.ndarray, scored: np.ndarray) -> np.ndarray:
        standard = StandardScores.of(block, scored)
        self.deviations.append(standard.deviations)
        self.answers.append(np.asarray(scored.any(axis=1))[:, None])
        return standard.points


def explain_sum(
    explanations: Sequence[Explanation], weights: np.ndarray, scales: Scales, scores: np.ndarray
) -> Explanation:
    """Return what explains scores (B, k) that are the sum of members' by weights (B, n), of the
    members' own explanations: by the weights of those that answer, and by the rows' deviations.
    """
    histories = explanations[0].histories
    kind = kind_of(explanation.kind for explanation in explanations)
    total = Explanation.by_rule(histories, scores.shape[1])
    if kind == "rule":
        return total
    factors = np.hstack(scales.answers) * weights
    weight = factors.sum(axis=1, keepdims=True)
    factors /= np.hstack(scales.deviations) * np.where(weight > 0, weight, 1)
    users = histories.users
    for explanation, factor in zip(explanations, factors.T.astype(np.float32), strict=True):
        if explanation.kind != "rule":
            total.contributions[:] += explanation.contributions * factor[users, None]
    return replace(total, kind=kind).leaving(scores)


def kind_of(kinds: Iterable[Kind]) -> Kind:
    """Return the kind of a sum: exact where everything that goes by the ratings is."""
    of_ratings = set(kinds) - {"rule"}
    if not of_ratings:
        return "rule"
    return "exact" if of_ratings == {"exact"} else "leave_one_out"
