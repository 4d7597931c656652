"""Fit and evaluate what has not been: recipe by recipe, seed by seed."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from recsys.compare.data import ComparedData
from recsys.compare.results import Result, Results, result_key
from recsys.compare.runs import ComparisonRuns
from recsys.errors import FitError, ModelError, RecsysError, RequestError
from recsys.exam import examine
from recsys.models.base import Recommender, Report
from recsys.overrides import MOST_COMBINATIONS, written
from recsys.recipe import Recipe
from recsys.registry.compute import new_model
from recsys.settings import Settings

__all__ = ["Comparison", "Entry", "OnResult"]

log = logging.getLogger(__name__)

#: Called as each fit is begun, with its recipe and seed.
OnResult = Callable[[Recipe, int], None]


@dataclass
class Entry:
    """A recipe with its results, one a seed; `failure` says why there is none."""

    recipe: Recipe
    results: list[Result] = field(default_factory=list)
    failure: str = ""


@dataclass
class Comparison:
    """Recipes on one exam. `n_fits` counts those made now; what was there is not made again."""

    data: ComparedData
    settings: Settings
    results: Results
    runs: ComparisonRuns
    n_fits: int = 0

    def compare(
        self, recipes: Sequence[Recipe], n_seeds: int, on_fit: OnResult
    ) -> tuple[list[Entry], str]:
        """Return an entry for each recipe, in order, and the id of the MLflow run above theirs.

        A recipe that cannot be fitted has no result, and the others go on. Raises RequestError for
        more than MOST_COMBINATIONS recipes.
        """
        if len(recipes) > MOST_COMBINATIONS:
            raise RequestError(
                f"found {len(recipes):,} recipes to compare; expected at most {MOST_COMBINATIONS}"
            )
        seeds = range(self.data.seed, self.data.seed + n_seeds)
        parent = self.runs.begin(self.data, recipes, seeds)
        entries = [Entry(recipe) for recipe in recipes]
        for entry in entries:
            for seed in seeds:
                on_fit(entry.recipe, seed)
                self.add_result(entry, seed, parent)
        return entries, parent

    def add_result(self, entry: Entry, seed: int, parent: str) -> None:
        """Add a seed's result to an entry, or why there can be none."""
        if entry.failure:
            return
        try:
            entry.results.append(self.result(entry.recipe, seed, parent))
        except ModelError as error:
            entry.failure = str(error)
            entry.results.clear()  # figures of some seeds are none of all
            log.warning("%s cannot be fitted: %s", written(entry.recipe), error)

    def result(self, recipe: Recipe, seed: int, parent: str) -> Result:
        """Return a result, from the folder or made now, and kept in MLflow too."""
        model = new_model(recipe, self.settings, seed=seed)
        key = result_key(recipe, self.data, seed, model)
        kept = self.results.find(key)
        if kept:
            self.runs.show(parent, kept)
            return kept
        with self.runs.fit_run(parent, recipe, seed, key) as run:
            result = self.make(key, recipe, model, run.report)
            self.results.add(result)
            self.runs.log_result(run, result)
        return result

    def make(self, key: str, recipe: Recipe, model: Recommender, report: Report) -> Result:
        """Fit and evaluate a model."""
        exam = self.data.exam
        self.n_fits += 1
        started = time.perf_counter()
        fit(model, self.data, report)
        seconds = time.perf_counter() - started
        examined = examine(
            model,
            exam,
            like_threshold=exam.train.like_threshold,
            min_history=self.data.min_history,
            catalogue=self.data.catalogue,
        )
        metrics = {name: value for part, name, value, _ in examined.values if part == "all"}
        return Result(key, recipe, model.compute.seed, seconds, metrics, examined.ndcg)


def fit(model: Recommender, data: ComparedData, report: Report) -> None:
    """Fit a model. Raises FitError for what its recipe does wrong itself."""
    try:
        model.fit(data.exam.train, data.catalogue, report=report)
    except (RecsysError, psycopg.Error, OSError):
        raise
    except Exception as error:
        raise FitError(f"{type(error).__name__}: {error}") from error
