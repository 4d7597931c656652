"""Last week judged, the week's recipes fitted and evaluated."""

from collections.abc import Collection
from typing import Any

from recsys_airflow.operators.step import WeekOperator


class JudgePublication(WeekOperator):
    """Judges last week's publication by what its users have rated and liked since.

    Returns a table as Markdown.
    """

    step = "judge_publication"


class ListRecipes(WeekOperator):
    """Lists the week's recipes, one mapped train_model each."""

    step = "list_recipes"


class TrainModel(WeekOperator):
    """Fits one recipe on what lies before the exam; returns its MLflow run.

    Returns nothing where the recipe cannot be fitted.
    """

    step = "train_model"
    template_fields: Collection[str] = ("week", "recipe")

    def __init__(self, *, recipe: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe


class ExamineModels(WeekOperator):
    """Evaluates the week's recipes and the incumbent on the newest ratings, which none was fitted
    on; returns the table.
    """

    step = "examine_models"


class WatchDrift(WeekOperator):
    """Compares the week with those before it; returns a warning for each measure that drifted.

    Fails where a setting says so.
    """

    step = "watch_drift"
