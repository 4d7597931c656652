"""From the run to a week, and from its drops to facts in order."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from recsys_airflow.operators.context import as_of_text, params_of, run_of
from recsys_airflow.operators.step import StepOperator, WeekOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


class RequestOperator(StepOperator):
    """A step that takes what the run asks for, from its data interval and its Params."""

    #: Params that a request has by the same name.
    PARAMS = (
        "recipes",
        "top_n",
        "challenger",
        "challenger_share",
        "challenger_weeks",
        "require_approval",
    )

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        params = params_of(context)
        run = run_of(context)
        request = {name: params[name] for name in self.PARAMS}
        request["as_of"] = as_of_text(settings, context)
        request["force"] = params["force_decision"]
        request["run_id"] = run.run_id
        request["run_kind"] = getattr(run.run_type, "value", run.run_type)
        request["started_by"] = run.triggering_user_name
        return {"request": request}


class CollectFeedback(RequestOperator):
    """Writes what people rated through the API before the run's as_of as a drop, which the week
    takes in as any other.

    It waits for nothing. A week without feedback has no such drop, and that is no failure; a run
    that is not newer than the last one that wrote a drop writes none.
    """

    step = "collect_feedback"


class ResolveWeek(RequestOperator):
    """Turns the data interval and the run's Params into a week: as_of, watermark, recipes, top_n.

    No later step reads a clock.
    """

    step = "resolve_week"


class IngestDrops(WeekOperator):
    """Ingests every complete drop up to as_of that the ledger lacks, oldest first: verify, stage,
    check, merge.
    """

    step = "ingest_drops"


class RefreshViews(WeekOperator):
    """Refreshes the materialized views while they are read."""

    step = "refresh_views"


class CheckFacts(WeekOperator):
    """Checks the facts by a query under sql/checks: one row, true where they are in order."""

    step = "check_facts"
    template_fields: Collection[str] = ("week", "sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, check: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.sql = f"checks/{check}.sql"  # for the task's page, which shows the query

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        return {"week": self.week, "check": self.check}
