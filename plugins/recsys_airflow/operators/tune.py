"""The monthly study of hyperparameters."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from recsys_airflow.operators.context import as_of_text, params_of, run_of
from recsys_airflow.operators.step import StepOperator, WeekOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


class FindWeek(StepOperator):
    """Finds the newest week whose drops are in, up to the run's as_of if it has one.

    Where there is none yet, a study that falls due has nothing to do; one by hand fails.
    """

    step = "find_week"

    def execute(self, context: "Context") -> Any:
        week = super().execute(context)
        if not week:
            raise AirflowSkipException("no week has its drops in yet: nothing to tune on")
        return week

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        is_by_hand = run_of(context).run_type == "manual"
        return {"as_of": as_of_text(settings, context), "required": is_by_hand}


class ListTunable(StepOperator):
    """Lists the recipes to tune, one mapped tune_recipe each: the form's, else those that compete
    and have something to search.
    """

    step = "list_tunable"

    def execute(self, context: "Context") -> Any:
        return params_of(context).get("recipes") or super().execute(context)


class TuneRecipe(WeekOperator):
    """Searches one recipe's hyperparameters on what lies before the week's exam.

    Goes on where an earlier try stopped.
    """

    step = "tune_recipe"
    template_fields: Collection[str] = ("week", "recipe", "n_trials")

    def __init__(self, *, recipe: Any, n_trials: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe
        self.n_trials = n_trials

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        return {"week": self.week, "name": self.recipe, "n_trials": int(self.n_trials)}
