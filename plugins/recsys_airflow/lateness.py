"""When a run counts as late, so that the notifier reports it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from recsys_airflow.notify import on_lateness


class RunCreated(BaseDeadlineReference):
    """The moment at which a run is created; a run that is cleared keeps its deadline.

    With Airflow's own `DAGRUN_QUEUED_AT`, a run that has not succeeded cannot be cleared
    (apache/airflow#70368).
    """

    def _evaluate_with(self, *, session: Any, **_: Any) -> datetime:
        return datetime.now(UTC)  # Airflow evaluates a deadline when it creates the run


def late_after(span: timedelta) -> DeadlineAlert:
    """Report a run that is not done that long after it was created."""
    return DeadlineAlert(reference=RunCreated(), interval=span, callback=SyncCallback(on_lateness))


class WatchedDag(DAG):
    """A DAG with a deadline. `airflow dags test` fails over it when a run is done
    (apache/airflow#73428): it runs without.
    """

    def test(self, *args: Any, **kwargs: Any) -> Any:
        deadline, self.deadline = self.deadline, None
        try:
            return super().test(*args, **kwargs)
        finally:
            self.deadline = deadline
