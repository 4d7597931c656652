"""A study: one recipe tuned on one week's validation slice, trial by trial, each an MLflow run
beneath the study's.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Self

import optuna

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.errors import ModelError, NothingToRecommend
from recsys.evaluation.metrics import DECIDING
from recsys.evaluation.split import Exam
from recsys.exam import examine
from recsys.features.catalogue import Catalogue
from recsys.models import model_class
from recsys.models.base import Report
from recsys.overrides import overridden, written
from recsys.recipe import Recipe
from recsys.registry.compute import compute_of, new_model
from recsys.registry.fit_key import code_version
from recsys.settings import Settings
from recsys.tuning import ledger
from recsys.tuning.search import Space, best_of, next_recipe
from recsys.tuning.trial import Trial

if TYPE_CHECKING:
    from recsys.registry.store import FitRun, Registry

__all__ = ["Study", "StudyResult", "TrialsReport", "run_study"]

log = logging.getLogger(__name__)

#: Called after each trial with all trials so far: what the terminal's bar shows.
TrialsReport = Callable[[list[Trial]], None]


@dataclass(frozen=True)
class Study:
    """What is tuned, and on what: fits see `validation.train` and are evaluated on
    `validation.held_out`.

    Both lie before the exam of the week `as_of`, so that the best recipe may take part in it.
    """

    recipe: Recipe
    as_of: date
    validation: Exam
    catalogue: Catalogue
    seed: int
    like_threshold: float
    min_history: int

    def key(self, settings: Settings) -> str:
        """Return the study's name in the ledger: equal keys, equal trials.

        It is the recipe, the week, and a digest of data, seed, code, title encoder and sampler.
        """
        parts = {
            "known": self.validation.train.fingerprint(),
            "held_out": self.validation.held_out.fingerprint(),
            "catalogue": self.catalogue.fingerprint(),
            "like_threshold": self.like_threshold,
            "seed": self.seed,
            "code": code_version(),
            "recipe": self.recipe.to_json(),
            "encoder": model_class(self.recipe.name)(None, compute_of(settings)).encoders(),
            "sampler": optuna.__version__,
        }
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return f"{self.recipe.name} {self.as_of} {digest[:12]}"

    def ndcg(self, recipe: Recipe, settings: Settings, report: Report) -> float:
        """Return what a recipe comes to on the validation slice. Raises ModelError where it cannot
        be fitted.
        """
        model = new_model(recipe, settings, seed=self.seed)
        model.fit(self.validation.train, self.catalogue, report=report)
        result = examine(
            model,
            self.validation,
            like_threshold=self.like_threshold,
            min_history=self.min_history,
        )
        return float(result.ndcg.mean())

    def check_users(self) -> None:
        """Raise NothingToRecommend where nobody decides the validation slice."""
        if not len(self.validation.users):
            n_ratings = self.validation.train.extent().n_ratings
            raise NothingToRecommend(
                f"week {self.as_of}: no user decides a validation slice of the {n_ratings:,} "
                "ratings before its exam; expected some with a training rating and a held-out like"
            )


@dataclass(frozen=True)
class StudyResult:
    """How a study ended."""

    study: str
    trials: Sequence[Trial]

    @property
    def default(self) -> Trial:
        """The trial of the recipe as it was named, which comes first."""
        return self.trials[0]

    @property
    def best(self) -> Trial | None:
        """The best trial where it is better than the default: a tuned recipe."""
        best = best_of(self.trials)
        if best and self.default.is_fitted and best.score > self.default.score:
            return best
        return None

    @property
    def metrics(self) -> dict[str, float]:
        """What the study's own run shows: the default's NDCG and the best one, where there are
        such.
        """
        best = best_of(self.trials)
        figures = {"default": self.default.ndcg, "best": best.ndcg if best else None}
        return {f"{name} {DECIDING}": ndcg for name, ndcg in figures.items() if ndcg is not None}

    def __str__(self) -> str:
        return f"{self.study}: {len(self.trials)} trials; {self.outcome()}"

    def outcome(self) -> str:
        if not self.default.is_fitted:
            return "the default could not be fitted, so nothing is kept"
        if self.best is None:
            return f"none beat {self.named}, NDCG@10 {self.default.score:.4f}"
        return (
            f"{self.best.recipe.key} has NDCG@10 {self.best.score:.4f} on the validation slice, "
            f"{self.named} {self.default.score:.4f}; it takes part in the exam of the next week "
            "that names no recipes and has that one"
        )

    @property
    def named(self) -> str:
        """What the search began with."""
        is_plain = not overridden(self.default.recipe)
        return "the default" if is_plain else written(self.default.recipe)


@dataclass(frozen=True)
class _StudyRun:
    """A study under way, with the MLflow run that its trials lie beneath."""

    conn: Connection
    registry: "Registry"
    study: Study
    key: str
    run_id: str

    @classmethod
    def begin(cls, conn: Connection, registry: "Registry", study: Study, key: str) -> Self:
        """Find the study's MLflow run, or make it."""
        with advisory_lock(conn, Lock.REGISTRY):
            run_id = registry.study_run(key, study.recipe.name, as_of=study.as_of)
        return cls(conn, registry, study, key, run_id)

    def try_all(self, space: Space, n_trials: int, report: TrialsReport) -> list[Trial]:
        """Make the trials that are missing; return all."""
        trials = ledger.trials_of(self.conn, self.key)
        report(trials)
        while recipe := next_recipe(space, trials, n_trials=n_trials, seed=self.study.seed):
            trials.append(self.attempt(recipe, len(trials)))
            report(trials)
        return trials

    def end(self, result: StudyResult) -> None:
        """Enter what the study has come to."""
        as_of = self.study.as_of
        best = result.best
        self.registry.end_study(self.run_id, as_of, result.metrics)
        if best:
            n_trials = len(result.trials)
            tuned = ledger.TunedRecipe(self.key, as_of, best, result.default, n_trials)
            ledger.record_tuned(self.conn, tuned)

    def attempt(self, recipe: Recipe, number: int) -> Trial:
        """Make one trial and enter it once it has ended: one that was killed leaves nothing and is
        made again.
        """
        with self.registry.trial_run(self.key, self.run_id, number, recipe) as run:
            trial, failure = self.evaluate(recipe, run)
        recorded = ledger.RecordedTrial(self.key, number, trial, failure, run.run_id)
        ledger.record_trial(self.conn, recorded)
        log.info("%s", recorded)
        return trial

    def evaluate(self, recipe: Recipe, run: "FitRun") -> tuple[Trial, str | None]:
        """Return the trial, and why the recipe could not be fitted where it could not."""
        try:
            ndcg = self.study.ndcg(recipe, self.registry.settings, run.report)
        except ModelError as error:
            run.failed = True
            return Trial(recipe, None), str(error)
        run.report(DECIDING, ndcg, 0)
        return Trial(recipe, ndcg), None


def run_study(
    conn: Connection, registry: "Registry", study: Study, *, n_trials: int, report: TrialsReport
) -> StudyResult:
    """Try until there are `n_trials` in all, those of earlier runs counted, and enter the best.

    A trial whose recipe cannot be fitted is entered as such and passed over. Raises
    NothingToRecommend where nobody decides the validation slice, ModelError where the recipe has
    nothing to search.
    """
    study.check_users()
    space = Space.of(study.recipe)
    key = study.key(registry.settings)
    with advisory_lock(conn, Lock.STUDY, key):
        under_way = _StudyRun.begin(conn, registry, study, key)
        result = StudyResult(key, under_way.try_all(space, n_trials, report))
        under_way.end(result)
    log.info("%s", result)
    return result
