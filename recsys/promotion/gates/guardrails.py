"""Gate (c): what a gain in NDCG may not cost. Each figure of the exam is held against the
champion's, with a tolerance.
"""

from collections.abc import Callable
from dataclasses import dataclass

from recsys.bounds import Bounds
from recsys.evaluation.metrics import DECIDING
from recsys.promotion.contest import Contest, Figure
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
        """Return the answer on a challenger's figure."""
        if contest.defender is None:
            sentence = f"{self.what}: there is no champion to be held against."
            return Answer(True, None, None, sentence)
        ours = self.figure_of(contest, challenger)
        theirs = self.figure_of(contest, contest.defender)
        if ours is None or theirs is None or min(ours.n, theirs.n) < self.least:
            sentence = f"{self.what}: the exam has too little to measure it on."
            return Answer(True, ours and ours.value, None, sentence)
        return self.compared(contest.bounds, ours.value, theirs.value)

    @property
    def what(self) -> str:
        """Return the figure's name in sentences."""
        return f"{self.metric} of {self.part}"

    def figure_of(self, contest: Contest, key: str) -> Figure | None:
        """Return a recipe's figure, None where the exam has none."""
        return contest.figures.get((key, self.part, self.metric))

    def compared(self, bounds: Bounds, ours: float, theirs: float) -> Answer:
        """Return whether the challenger's figure keeps to what the champion's allows."""
        bound = self.limit(bounds, theirs)
        passed = ours <= bound if self.high_is_bad else ours >= bound
        rule = "at most" if self.high_is_bad else "at least"
        sentence = (
            f"{self.what} is {ours:.4f}, the champion's {theirs:.4f}; expected {rule} {bound:.4f}."
        )
        return Answer(passed, ours, bound, sentence)


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
