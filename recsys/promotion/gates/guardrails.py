"""Gate (c): what a gain in NDCG may not cost. Each figure of the exam is held against the
champion's, with a tolerance.
"""

from collections.abc import Callable
from dataclasses import dataclass

from recsys.bounds import Bounds
from recsys.evaluation.metrics import DECIDING
from recsys.promotion.contest import Contest
from recsys.promotion.verdict import Answer

#: Users that a slice needs: among fewer, one user's hit moves its NDCG by half of the tolerance or
#: more.
SLICE_USERS = 100


@dataclass(frozen=True)
class Guardrail:
    """`limit` says, from the champion's figure, what a challenger's may be at worst: at most if
    `high_is_bad`, else at least. A figure over fewer than `least` says nothing.
    """

    part: str
    metric: str
    limit: Callable[[Bounds, float], float]
    high_is_bad: bool = False
    least: int = 1

    def __call__(self, contest: Contest, challenger: str) -> Answer:
        what = f"{self.metric} of {self.part}"
        if contest.defender is None:
            return Answer(True, None, None, f"{what}: there is no champion to be held against.")
        ours = contest.figures.get((challenger, self.part, self.metric))
        theirs = contest.figures.get((contest.defender, self.part, self.metric))
        if ours is None or theirs is None or min(ours.n, theirs.n) < self.least:
            return Answer(
                True,
                ours and ours.value,
                None,
                f"{what}: the exam has too little to measure it on.",
            )
        bound = self.limit(contest.bounds, theirs.value)
        passed = ours.value <= bound if self.high_is_bad else ours.value >= bound
        rule = "at most" if self.high_is_bad else "at least"
        sentence = (
            f"{what} is {ours.value:.4f}, the champion's {theirs.value:.4f}; expected {rule} "
            f"{bound:.4f}."
        )
        return Answer(passed, ours.value, bound, sentence)


coverage = Guardrail(
    "all", "coverage@10", lambda bounds, champion: champion * (1 - bounds.max_coverage_loss)
)
popularity_lift = Guardrail(
    "all",
    "popularity lift@10",
    lambda bounds, champion: champion + bounds.max_popularity_gain,
    high_is_bad=True,
)
new_movies = Guardrail(
    "new movies",
    DECIDING,
    lambda bounds, champion: champion - bounds.max_slice_loss,
    least=SLICE_USERS,
)
cold_users = Guardrail(
    "cold users",
    DECIDING,
    lambda bounds, champion: champion - bounds.max_slice_loss,
    least=SLICE_USERS,
)
fallback_share = Guardrail(
    "all",
    "fallback share@10",
    lambda bounds, champion: champion + bounds.max_fallback_gain,
    high_is_bad=True,
)
