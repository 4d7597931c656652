"""The search for hyperparameters, on a week whose drops are in."""

from recsys.exam_data import exam_of, validation_of
from recsys.limits import check_limits
from recsys.tuning.search import tunable
from recsys.tuning.study import Study, TrialsReport, run_study
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["list_tunable", "tune_recipe"]


def list_tunable(_work: Work) -> list[str]:
    """Return the names of the recipes that have hyperparameters to search."""
    return tunable()


def tune_recipe(
    work: Work,
    week: WeekPlan,
    name: str,
    *,
    n_trials: int,
    report: TrialsReport = lambda _trials: None,
) -> str:
    """Search a recipe's hyperparameters before the week's exam, until `n_trials` trials in all.

    What beats the default there competes in each later week that names no recipes. `report` is
    called with all trials after each. Returns what the search brought, as a sentence.
    """
    check_limits({"trials": n_trials})
    exam, catalogue = exam_of(work.conn, week)
    study = Study(
        name=name,
        as_of=week.as_of,
        validation=validation_of(work.conn, week, exam),
        catalogue=catalogue,
        seed=week.seed,
        like_threshold=week.like_threshold,
        min_history=week.min_history,
    )
    return str(run_study(work.conn, work.registry, study, n_trials=n_trials, report=report))
