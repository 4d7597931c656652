"""What a person puts right by hand: a rollback, a retired week."""

from typing import TYPE_CHECKING, Any

from recsys_airflow.operators.context import params_of, request_by_hand
from recsys_airflow.operators.step import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


class RollbackPublication(StepOperator):
    """Makes the publication live that the form names, and its recipe champion.

    Returns what was done.
    """

    step = "rollback_publication"

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        return {"publication_id": params_of(context)["publication_id"]} | request_by_hand(context)


class RetireWeek(StepOperator):
    """Lets the week that the form names count for nothing, or again; returns what was done."""

    step = "retire_week"

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        params = params_of(context)
        week = {"as_of": params["week"], "undo": params["undo"]}
        return week | request_by_hand(context)
