"""A study: one recipe tuned on one week's validation slice, trial by trial, each an MLflow run
beneath the study's.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import optuna

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.errors import ModelError, NothingToRecommend
from recsys.evaluation.metrics import DECIDING
from recsys.evaluation.split import Exam
from recsys.exam import examine
from recsys.features.catalogue import Catalogue
from recsys.models import model_class
from recsys.models.base import Report
from recsys.recipe import Recipe
from recsys.registry.compute import compute_of
from recsys.registry.fit_key import code_version
from recsys.registry.store import Registry
from recsys.tuning import ledger
from recsys.tuning.search import Space, Trial, best_of, next_recipe

log = logging.getLogger(__name__)

#: Called after each trial with all trials so far: what the terminal's bar shows.
Told = Callable[[list[Trial]], None]


@dataclass(frozen=True)
class Study:
    """What is tuned, and on what: fits see `validation.known` and are marked on
    `validation.held_out`.

    Both lie before the exam of the week `as_of`, so that what is found may sit it.
    """

    name: str
    as_of: date
    validation: Exam
    catalogue: Catalogue
    seed: int
    like_threshold: float
    min_history: int

    def key(self, registry: Registry) -> str:
        """Equal keys, equal trials: the recipe, the week, and a digest of data, seed, code, title
        encoder and sampler.
        """
        parts = {
            "known": self.validation.known.fingerprint(),
            "held_out": self.validation.held_out.fingerprint(),
            "catalogue": self.catalogue.fingerprint(),
            "like_threshold": self.like_threshold,
            "seed": self.seed,
            "code": code_version(),
            "encoder": model_class(self.name)(None, compute_of(registry.settings)).encoders(),
            "sampler": optuna.__version__,
        }
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return f"{self.name} {self.as_of} {digest[:12]}"


@dataclass(frozen=True)
class Found:
    """How a study ended: `best` is what was entered as a tuned recipe; None where nothing beat the
    default.
    """

    study: str
    trials: list[Trial]
    best: Trial | None

    def __str__(self) -> str:
        default = self.trials[0]
        if default.ndcg is None:
            return (
                f"{self.study}: {len(self.trials)} trials; the default could not be fitted, so "
                "nothing is kept"
            )
        if self.best is None or self.best.ndcg is None:
            return (
                f"{self.study}: {len(self.trials)} trials; none beat the default's NDCG@10 "
                f"{default.ndcg:.4f}"
            )
        return (
            f"{self.study}: {len(self.trials)} trials; {self.best.recipe.key} has NDCG@10 "
            f"{self.best.ndcg:.4f} on the validation "
            f"slice, the default {default.ndcg:.4f}; it sits the exam of the next week that names "
            "no recipes"
        )


def run_study(
    conn: Connection, registry: Registry, study: Study, *, n_trials: int, told: Told
) -> Found:
    """Try until there are `n_trials` in all, those of earlier runs counted, and enter what was
    found.

    A trial whose recipe cannot be fitted is entered as such and passed over. Raises
    NothingToRecommend where nobody decides the validation slice, ModelError where the recipe has
    nothing to search.
    """
    if not len(study.validation.users):
        raise NothingToRecommend(
            f"week {study.as_of}: no user decides a validation slice of the "
            f"{len(study.validation.known):,} ratings before its "
            "exam; expected some with a known rating and a held-out like"
        )
    key, space = study.key(registry), Space.of(study.name)
    with advisory_lock(conn, Lock.STUDY, key):
        trials = ledger.trials_of(conn, key)
        told(trials)
        with advisory_lock(conn, Lock.REGISTRY):
            parent = registry.study_run(key, study.name, as_of=study.as_of)
        while recipe := next_recipe(space, trials, n_trials=n_trials, seed=study.seed):
            trials.append(_try(conn, registry, study, key, parent, len(trials), recipe))
            told(trials)
        found = Found(key, trials, _better(trials))
        registry.end_study(parent, study.as_of, _metrics(trials))
        if found.best:
            ledger.record_tuned(conn, key, study.as_of, found.best, trials[0], n_trials=len(trials))
    log.info("%s", found)
    return found


def _try(
    conn: Connection,
    registry: Registry,
    study: Study,
    key: str,
    parent: str,
    number: int,
    recipe: Recipe,
) -> Trial:
    """One trial, entered once it has ended: one that was killed leaves nothing and is made
    again.
    """
    ndcg, failure = None, None
    with registry.trial_run(key, parent, number, recipe) as run:
        try:
            ndcg = _ndcg(registry, study, recipe, run.report)
            run.report(DECIDING, ndcg, 0)
        except ModelError as error:
            failure, run.failed = str(error), True
    trial = Trial(recipe, ndcg)
    ledger.record_trial(conn, key, number, trial, failure=failure, run_id=run.run_id)
    log.info("%s, trial %d, %s: %s", key, number, recipe.key, failure or f"NDCG@10 {ndcg:.4f}")
    return trial


def _ndcg(registry: Registry, study: Study, recipe: Recipe, report: Report) -> float:
    model_type = model_class(recipe.name)
    model = model_type(
        model_type.Config(**dict(recipe.settings)), compute_of(registry.settings, seed=study.seed)
    )
    model.fit(study.validation.known, study.catalogue, report=report)
    result = examine(
        model, study.validation, like_threshold=study.like_threshold, min_history=study.min_history
    )
    return float(result.ndcg.mean())


def _better(trials: list[Trial]) -> Trial | None:
    """The best trial, where it is better than the default."""
    best, default = best_of(trials), trials[0]
    if best is None or default.ndcg is None or best.ndcg is None or best.ndcg <= default.ndcg:
        return None
    return best


def _metrics(trials: list[Trial]) -> dict[str, float]:
    """What the study's own run shows: the default's figure and the best one, where there are
    such.
    """
    shown = {f"default {DECIDING}": trials[0], f"best {DECIDING}": best_of(trials)}
    return {name: trial.ndcg for name, trial in shown.items() if trial and trial.ndcg is not None}
