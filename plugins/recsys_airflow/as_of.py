"""Which week a run is for: the one rule that the sensors and resolve_week share."""

from datetime import UTC, date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.drops.zone import LandingZone


def run_as_of(context: "Context", zone: "LandingZone") -> date | None:
    """The run's as_of; None leaves it to the newest complete MovieLens drop.

    A scheduled or backfilled run is for its interval's end, whatever its params say. A manual one
    is for the Param `as_of`; without it, for its interval's end if that names a complete MovieLens
    drop (`airflow dags test DATE`).
    """
    run: Any = context.get("dag_run")
    end = run.data_interval_end.astimezone(UTC).date() if run.data_interval_end else None
    if getattr(run.run_type, "value", run.run_type) in ("scheduled", "backfill"):
        return end
    param = (context.get("params") or {}).get("as_of")
    if param:
        return date.fromisoformat(param)
    from recsys.drops.zone import WEEK_SOURCE

    return end if end and zone.is_complete(WEEK_SOURCE, end) else None
