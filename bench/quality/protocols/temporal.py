"""ML-1M cut once by time: the oldest 90% of the ratings are for training, the newest 10% are
the exam.
"""

from functools import cached_property

from bench.quality.protocols.base import LIKE_THRESHOLD, ML1MProtocol, Validates
from recsys.evaluation.split import Exam, split_newest
from recsys.exam import examine
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models.base import Recommender
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1
#: Training ratings below which a user is cold, as in the weekly exam.
MIN_HISTORY = 5


class Temporal(ML1MProtocol, Validates):
    """The weekly exam's arithmetic: whole catalogue less what the user rated; relevant is what the
    user then liked.
    """

    name = "temporal"
    title = "ML-1M, global temporal split: newest 10% of all ratings, whole catalogue"
    metrics = ("NDCG@10",)

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        fitted = self.fits.fitted(recipe, self.exam.train, self.catalogue, seed)
        figures = examined(fitted.model, self.exam, self.catalogue)
        return {**figures, "fit seconds": fitted.seconds}

    def validate(self, recipe: Recipe, seed: int) -> dict[str, float]:
        """Hold out the newest tenth of the training ratings."""
        exam = exam_of(self.exam.train.interactions())
        fitted = self.fits.now(recipe, exam.train, self.catalogue, seed)
        return {**examined(fitted.model, exam, self.catalogue), "fit seconds": fitted.seconds}

    @cached_property
    def exam(self) -> Exam:
        return exam_of(self.interactions)


def exam_of(interactions: Interactions) -> Exam:
    """Return the exam that holds out the newest tenth of all ratings."""
    return split_newest(interactions, HELD_OUT_SHARE, LIKE_THRESHOLD)


def examined(model: Recommender, exam: Exam, catalogue: Catalogue) -> dict[str, float]:
    """The exam's table, over the users that decide."""
    result = examine(
        model, exam, like_threshold=LIKE_THRESHOLD, min_history=MIN_HISTORY, catalogue=catalogue
    )
    return {metric: value for part, metric, value, _ in result.values if part == "all"}
