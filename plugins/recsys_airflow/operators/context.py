"""What operators read from a task's context: the run, its Params, and who started it."""

from typing import TYPE_CHECKING, Any

from recsys_airflow.as_of import run_as_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


def params_of(context: "Context") -> dict[str, Any]:
    """Return the run's Params."""
    params: Any = context.get("params")
    return params or {}


def run_of(context: "Context") -> Any:
    """Return the DAG run."""
    return context.get("dag_run")


def as_of_text(settings: "Settings", context: "Context") -> str | None:
    """Return the run's as_of as text; None leaves it to the newest complete MovieLens drop."""
    from recsys.drops.zone import LandingZone

    as_of = run_as_of(context, LandingZone(settings.drops))
    return as_of.isoformat() if as_of else None


def request_by_hand(context: "Context") -> dict[str, Any]:
    """Return why something is done by hand, by whom, and in which run."""
    run = run_of(context)
    return {
        "reason": params_of(context)["reason"],
        "requested_by": run.triggering_user_name or "somebody unnamed",
        "run_id": run.run_id,
    }
