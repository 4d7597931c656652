"""The weekly exam over consecutive weeks of ML-1M: what the plot shows. No paper has it, and no
target stands on it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from bench.quality.protocols.base import LIKE_THRESHOLD, ML1MProtocol
from bench.quality.protocols.temporal import examined
from recsys.evaluation.split import WEEK_SECONDS, Exam, split_exam
from recsys.recipe import Recipe

#: Mondays between which the exams stand; most of ML-1M was rated in these months.
FIRST, LAST = datetime(2000, 7, 3, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)
WEEKS_BETWEEN = 2
MIN_USERS = 100


class Weeks(ML1MProtocol):
    """Every second Monday: what was rated before it, its newest weeks as the exam."""

    name = "weeks"
    title = "ML-1M, the exam over the weeks (for the plot): mean of all weeks"
    metrics = ("NDCG@10",)

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        values = {}
        for monday, exam in self._exams():
            model = self.fits.now(recipe, exam.train, self.catalogue, seed).model
            values[f"NDCG@10 {monday:%Y-%m-%d}"] = examined(model, exam, self.catalogue)["NDCG@10"]
        return {"NDCG@10": sum(values.values()) / len(values), **values}

    def _exams(self) -> Iterator[tuple[datetime, Exam]]:
        """Yield the Mondays that have a dated exam, with it."""
        step = WEEKS_BETWEEN * WEEK_SECONDS
        for as_of in range(int(FIRST.timestamp()), int(LAST.timestamp()) + 1, step):
            before = self.interactions.where(self.interactions.rated_at < as_of)
            exam = split_exam(before, min_users=MIN_USERS, like_threshold=LIKE_THRESHOLD)
            if exam.kind == "dated":
                yield datetime.fromtimestamp(as_of, UTC), exam
