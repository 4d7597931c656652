"""Refits: a recipe fitted on all that a week admits, checked by gates, registered, and served."""

import logging
from collections.abc import Sequence

from recsys.costs import worked_on
from recsys.db.connect import Lock, advisory_lock
from recsys.errors import LedgerError, ModelLost
from recsys.exam_data import stored_snapshot
from recsys.features.catalogue import Catalogue
from recsys.features.train import Train
from recsys.models.base import Recommender
from recsys.promotion import ledger
from recsys.promotion.failed_fits import attempt
from recsys.promotion.ledger import ModelVersion
from recsys.promotion.mirror import version_tags
from recsys.promotion.sanity import check_refit
from recsys.recipe import Recipe
from recsys.registry import fit_ledger
from recsys.registry.fitting import Fit, fitted_model, lost_model_fitted_again
from recsys.revision import git_sha
from recsys.week import WeekPlan
from recsys.work import Work

log = logging.getLogger(__name__)


def try_refit(work: Work, week: WeekPlan, recipe: Recipe) -> str | None:
    """Refit a recipe and return its version; None where it cannot be fitted, which is recorded."""
    with attempt(work, week.as_of, recipe, "refit"):
        return refit(work, week, recipe)
    return None


def refit(work: Work, week: WeekPlan, recipe: Recipe) -> str:
    """Fit a recipe on all that the week admits, ask the gates, register it; return its version."""
    conn = work.conn
    train, catalogue = stored_snapshot(conn, week)
    fit = _fit_for_readers(work, week, recipe, train, catalogue)
    fitted, model = fitted_model(conn, work.registry, fit)
    worked_on(train.n_ratings)
    verdicts = check_refit(work, week, recipe, model, train)
    ledger.record_refit_verdicts(conn, week.as_of, fitted.fit_key, verdicts)
    n_ratings = train.n_ratings
    version = ModelVersion(recipe, "", fitted.fit_key, fitted.fingerprint, n_ratings)
    return _register(work, week, fitted.run_id, version)


def refit_version(work: Work, week: WeekPlan, recipe: Recipe) -> ModelVersion:
    """Fit a recipe again on all that the week admits now; return the version that comes of it."""
    version = refit(work, week, recipe)
    fit_key = ledger.fit_keys_of_refits(work.conn, week.as_of)[recipe.key]
    return version_on_record(work, recipe, version, fit_key)


def version_on_record(work: Work, recipe: Recipe, version: str, fit_key: str) -> ModelVersion:
    """Return a version with what the ledger has of its fit, as MLflow may lack it."""
    fit = fit_ledger.entry_of(work.conn, fit_key)
    if fit is None:
        raise LedgerError(
            f"version {version} of {recipe.key}: no fit {fit_key[:12]} on record: run refit_winner "
            "again"
        )
    return ModelVersion(recipe, version, fit_key, fit.fingerprint, fit.n_ratings)


def version_of_refit(work: Work, week: WeekPlan, recipe: Recipe, version: str) -> ModelVersion:
    """Return the week's refit that was registered as `version`, registered again if MLflow lost it.

    Raises LedgerError where the version is of another recipe of the week.
    """
    fit_keys = ledger.fit_keys_of_refits(work.conn, week.as_of)
    fit_key = work.registry.version_tags(version).get("fit_key")
    expected = fit_keys.get(recipe.key)
    others = others_with(fit_keys, fit_key, recipe)
    if others or expected is None:
        raise version_of_another(week, recipe, version, others)
    if fit_key == expected:
        return version_on_record(work, recipe, version, expected)
    log.warning(
        "week %s: MLflow has lost version %s of %s, which is registered again",
        week.as_of,
        version,
        recipe.key,
    )
    return refit_version(work, week, recipe)


def others_with(fit_keys: dict[str, str], fit_key: str | None, recipe: Recipe) -> list[str]:
    """Return the keys of the other recipes whose refit has this fit key."""
    return [key for key, other in fit_keys.items() if other == fit_key and key != recipe.key]


def version_of_another(
    week: WeekPlan, recipe: Recipe, version: str, others: Sequence[str]
) -> LedgerError:
    """Return the error of a version that is of other recipes, or of no refit of the week."""
    owner = ", ".join(others) or "no refit of the week"
    return LedgerError(
        f"week {week.as_of}: version {version} is of {owner}, expected one of {recipe.key}: "
        "run refit_winner again"
    )


def model_to_serve(work: Work, week: WeekPlan, model: ModelVersion) -> Recommender:
    """Load a version's model, by its fit key where the version is gone, or fit it again if lost.

    Raises ModelLost where it then differs: the week's lists would be another model's.
    """
    recommender = stored_model(work, week, model)
    return recommender if recommender is not None else model_made_again(work, week, model)


def stored_model(work: Work, week: WeekPlan, model: ModelVersion) -> Recommender | None:
    """Load a version's model from MLflow; None where it is lost."""
    registry = work.registry
    run_id = registry.run_of(model.fit_key, model.version)
    if run_id is None:
        return None
    try:
        return registry.load(run_id)
    except ModelLost as error:
        log.warning("week %s: %s; it is fitted again", week.as_of, error)
        registry.give_up(run_id)
        return None


def model_made_again(work: Work, week: WeekPlan, model: ModelVersion) -> Recommender:
    """Fit a lost version's model again and register it. Raises ModelLost where it differs."""
    train, catalogue = stored_snapshot(work.conn, week)
    fit = _fit_for_readers(work, week, model.recipe, train, catalogue)
    fitted, recommender = lost_model_fitted_again(work.conn, work.registry, fit, model.fit_key)
    version = _register(work, week, fitted.run_id, model)
    log.warning(
        "week %s: MLflow had lost version %s; fitted again to the same arrays, it is %s",
        week.as_of,
        model.version,
        version,
    )
    return recommender


def _fit_for_readers(
    work: Work, week: WeekPlan, recipe: Recipe, train: Train, catalogue: Catalogue
) -> Fit:
    cut = week.as_of.isoformat()
    anew = work.run.force
    return Fit(recipe, train, catalogue, cut, "refit", week.as_of, week.seed, anew=anew)


def _register(work: Work, week: WeekPlan, run_id: str, model: ModelVersion) -> str:
    """Return the version of the model in this MLflow run; a new one where MLflow has lost it."""
    tags = version_tags(model, week.as_of)
    tags |= {"git_sha": git_sha(work.settings.git_sha), "run_id": work.run.run_id}
    with advisory_lock(work.conn, Lock.REGISTRY):
        return work.registry.register(run_id, model.fit_key, tags)
