"""The exam: each recipe fitted on what lies before it, all evaluated on the same ratings."""

import logging
from collections.abc import Sequence
from datetime import date

from recsys.costs import worked_on
from recsys.errors import ModelError
from recsys.evaluation.split import Exam
from recsys.exam import examine
from recsys.exam_data import exam_of, fit_for_exam, split_of_exam
from recsys.promotion import exams
from recsys.promotion.failed_fits import attempt, failed_fits
from recsys.promotion.mirror import mirror_exam, mirror_week
from recsys.promotion.week_contest import WeekContest
from recsys.recipe import Recipe
from recsys.registry.fitting import Fit, fit_once, fitted_model
from recsys.report import exam_metrics, exam_page
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["examine_models", "train_model"]

log = logging.getLogger(__name__)


def train_model(
    work: Work, week: WeekPlan, recipe: Recipe, *, again_if_lost: bool = False
) -> str | None:
    """Fit a recipe up to the exam's cut, unless that has been done; return the MLflow run's id.

    None where the recipe cannot be fitted: its reason is stored, and the week goes on without it.
    A model that was evaluated is needed no more: where MLflow has lost it since, it is fitted again
    only if `again_if_lost`.
    """
    run_id = exams.run_of_entry(work.conn, week.as_of, recipe)
    if run_id and (not again_if_lost or work.registry.is_whole(run_id)):
        log.info("%s was evaluated already for week %s: run %s", recipe.key, week.as_of, run_id)
        return run_id
    return try_fit(work, week, recipe)


def try_fit(work: Work, week: WeekPlan, recipe: Recipe) -> str | None:
    """Fit a recipe for the exam; return the run's id, None where it cannot be fitted."""
    split, catalogue = split_of_exam(work.conn, week)
    with attempt(work, week.as_of, recipe, "exam"):
        fit = fit_for_exam(week, recipe, split, catalogue, anew=work.run.force)
        fitted = fit_once(work.conn, work.registry, fit)
        worked_on(split.train.n_ratings)
        return fitted.run_id
    return None


def examine_models(work: Work, week: WeekPlan) -> str:
    """Evaluate every recipe of the week, and the incumbent's, on one exam; return its table.

    Recipes that could not be fitted are left out. Raises ModelError where none could.
    """
    contest = WeekContest(work, week)
    missing = unexamined(contest)
    if missing:
        examine_recipes(contest, missing)
    refuse_empty(contest)
    return show_exam(work, week.as_of)


def unexamined(contest: WeekContest) -> list[Recipe]:
    """Return who is still to be evaluated; train_model tried the week's recipes that failed."""
    week = contest.week
    own = {recipe.key for recipe in week.recipes}
    failed = failed_fits(contest.work.conn, week.as_of, "exam").keys() & own
    done = exams.evaluated(contest.work.conn, week.as_of) | failed
    return [recipe for key, recipe in contest.recipes.items() if key not in done]


def examine_recipes(contest: WeekContest, recipes: Sequence[Recipe]) -> None:
    """Set the week's exam, and evaluate these recipes on it."""
    work = contest.work
    week = contest.week
    exam, catalogue = exam_of(work.conn, week)
    exams.record_exam(work.conn, week.as_of, exam, contest.incumbent)
    for recipe in recipes:
        with attempt(work, week.as_of, recipe, "exam"):
            fit = fit_for_exam(week, recipe, exam, catalogue, anew=work.run.force)
            evaluate(work, week, fit, exam)


def evaluate(work: Work, week: WeekPlan, fit: Fit, exam: Exam) -> None:
    """Evaluate the model of a fit on the exam, and enter it."""
    fitted, model = fitted_model(work.conn, work.registry, fit)
    result = examine(
        model,
        exam,
        like_threshold=week.like_threshold,
        min_history=week.min_history,
        catalogue=fit.catalogue,
    )
    exams.record_entry(work.conn, week.as_of, fit.recipe, fitted.run_id, result)


def refuse_empty(contest: WeekContest) -> None:
    """Raise ModelError where none of the week's recipes was evaluated."""
    as_of = contest.week.as_of
    if not exams.evaluated(contest.work.conn, as_of) & contest.recipes.keys():
        reasons = "; ".join(f"{key}: {reason}" for key, reason in contest.unfitted.items())
        raise ModelError(
            f"week {as_of}: no recipe can be fitted, so nobody can be served. {reasons}"
        )


def show_exam(work: Work, as_of: date) -> str:
    """Keep a week's exam in MLflow too; return its table."""
    conn = work.conn
    page = exam_page(conn, as_of)
    table = page.markdown(every=True)
    metrics = exam_metrics(conn, as_of)
    mirror_week(work, as_of, texts={"exam.md": table}, metrics=metrics)
    mirror_exam(conn, work.registry, as_of)
    log.info("exam of week %s\n%s", as_of, page.markdown())
    return table
