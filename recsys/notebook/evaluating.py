"""How good a recipe is on a data set: fitted on its past, evaluated on what users liked since."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from recsys.errors import ModelError
from recsys.evaluation.comparison import Interval, paired_bootstrap
from recsys.exam import ExamResult, examine
from recsys.models.base import Compute
from recsys.notebook.data import Dataset
from recsys.notebook.model import Model, fit
from recsys.recipe import Recipe

RESAMPLES = 10_000
#: Training ratings below which a user is cold, as in the weekly exam.
MIN_HISTORY = 5


class Figure(NamedTuple):
    """A metric on a slice of the users, as a mean over n of them."""

    part: str
    metric: str
    value: float
    n: int


@dataclass(frozen=True)
class Evaluation:
    """What came out: the `model` as it was fitted on the past, the `seconds` of that fit, and the
    exam's `result`.
    """

    recipe: Recipe
    model: Model
    result: ExamResult
    seconds: float

    @property
    def figures(self) -> list[Figure]:
        """Return every metric on every slice, of all users first."""
        return [Figure(*row) for row in self.result.values]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Return metric → value over all users that decide."""
        return {figure.metric: figure.value for figure in self.figures if figure.part == "all"}

    def interval(self, level: float = 0.95) -> Interval:
        """Return the mean NDCG@10 with its bootstrap interval."""
        nothing = np.zeros_like(self.result.ndcg)
        return paired_bootstrap(self.result.ndcg, nothing, resamples=RESAMPLES, seed=0, level=level)

    def lead_over(self, other: "Evaluation", level: float = 0.95) -> Interval:
        """Return by how much NDCG@10 is above another recipe's, user by user: a lead is sure where
        the interval is above 0. Raises ModelError where the users are not the same.
        """
        if not np.array_equal(self.result.user_ids, other.result.user_ids):
            raise ModelError(
                f"{self.recipe.key} was evaluated on {len(self.result.user_ids):,} users and "
                f"{other.recipe.key} on {len(other.result.user_ids):,}, not the same ones: "
                "evaluate both on the same data and share"
            )
        return paired_bootstrap(
            self.result.ndcg, other.result.ndcg, resamples=RESAMPLES, seed=0, level=level
        )

    def __str__(self) -> str:
        interval = self.interval()
        return (
            f"{self.recipe.name}: NDCG@10 {interval.mean:.4f} [{interval.low:.4f}, "
            f"{interval.high:.4f}] over {interval.n:,} users, fitted in {self.seconds:.1f} s"
        )


def evaluate(
    recipe: Recipe, data: Dataset, *, share: float = 0.1, compute: Compute | None = None
) -> Evaluation:
    """Fit a recipe on all ratings but the newest `share`, and evaluate it on these, as the weekly
    exam does: lists from the whole catalogue less what the user rated before; relevant is what the
    user liked afterwards.

    Raises ModelError where no user has both a training rating and a held-out like.
    """
    exam = data.exam(share)
    if not len(exam.users):
        raise ModelError(
            f"none of the {len(exam.held_out.user_ids):,} users of the newest {share:.0%} of "
            "ratings has an older rating and a new like: expected some (a larger share?)"
        )
    past = Dataset(exam.train.interactions(), data.catalogue, data.like_threshold)
    started = time.perf_counter()
    model = fit(recipe, past, compute=compute)
    seconds = time.perf_counter() - started
    result = examine(
        model.recommender,
        exam,
        like_threshold=data.like_threshold,
        min_history=MIN_HISTORY,
        catalogue=data.catalogue,
    )
    return Evaluation(recipe, model, result, seconds)
