"""The search for hyperparameters, on a week whose drops are in."""

from recsys.exam_data import exam_of, validation_of
from recsys.limits import check_limits
from recsys.models import COMPETING
from recsys.overrides import parse_recipe
from recsys.tuning.search import tunable
from recsys.tuning.study import Study, TrialsReport, run_study
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["list_tunable", "tune_recipe"]


def list_tunable(work: Work) -> list[str]:
    """Return those of the recipes that compete by default, or by the setting, that have
    hyperparameters to search. What is tuned of others would take part in no exam.
    """
    competing = work.settings.recipes or COMPETING
    searched = tunable()
    return [name for name in competing if name.partition("[")[0] in searched]


def tune_recipe(
    work: Work,
    week: WeekPlan,
    name: str,
    *,
    n_trials: int,
    report: TrialsReport = lambda _trials: None,
) -> str:
    """Search a recipe's hyperparameters before the week's exam, until `n_trials` trials in all.
    Those of which `name` has other values than the defaults, as in `als[factors=128]`, are kept.

    What beats the recipe as it is named competes beside it in each later week that names no recipes
    and has it. `report` is called with all trials after each. Returns what the search brought, as a
    sentence.
    """
    check_limits({"trials": n_trials})
    recipe = parse_recipe(name)
    exam, catalogue = exam_of(work.conn, week)
    study = Study(
        recipe=recipe,
        as_of=week.as_of,
        validation=validation_of(work.conn, week, exam),
        catalogue=catalogue,
        seed=week.seed,
        like_threshold=week.like_threshold,
        min_history=week.min_history,
    )
    return str(run_study(work.conn, work.registry, study, n_trials=n_trials, report=report))
