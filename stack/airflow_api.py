"""What the demo asks Airflow, through its public REST API and with the generated login."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx

from stack.environment import ADMIN
from stack.errors import StackError
from stack.home import Home

Json = dict[str, Any]


class AirflowApi:
    """Raises StackError where Airflow refuses; httpx.HTTPError where it does not answer."""

    def __init__(self, home: Home) -> None:
        # no proxy of the environment stands between two processes of one machine
        self._client = httpx.Client(base_url=home.url("airflow"), timeout=30, trust_env=False)
        login = {"username": ADMIN, "password": home.secret("airflow_admin")}
        token = self._call("POST", "/auth/token", json=login)["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG was read. Raises StackError with the trace where a DAG file cannot be
        imported.
        """
        is_there = self._client.get(f"/api/v2/dags/{dag_id}").status_code == 200
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        if not is_there and errors:
            raise StackError(
                "\n".join(
                    f"{error['filename']} cannot be imported:\n{error['stack_trace']}"
                    for error in errors
                )
            )
        return is_there

    def unpause(self, dag_id: str) -> None:
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def tasks(self, dag_id: str) -> dict[str, list[str]]:
        """Task id → the ids that follow it."""
        return {
            task["task_id"]: task["downstream_task_ids"]
            for task in self._call("GET", f"/api/v2/dags/{dag_id}/tasks")["tasks"]
        }

    def runs(self, dag_id: str, dates: list[date]) -> dict[date, Json]:
        """The runs whose data interval ends at one of the dates, by that date."""
        bounds = {
            "logical_date_gte": f"{dates[0] - timedelta(days=7)}T00:00:00Z",
            "logical_date_lte": f"{dates[-1]}T00:00:00Z",
        }
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        runs = self._call("GET", path, params=bounds | {"limit": 100})["dag_runs"]
        by_end = {end_of(run): run for run in runs if run["data_interval_end"]}
        return {day: by_end[day] for day in dates if day in by_end}

    def runs_in(self, *states: str) -> list[Json]:
        """The runs of all DAGs that are in one of the states, the newest hundred."""
        newest_first = {"state": list(states), "order_by": "-id", "limit": 100}
        return self._call("GET", "/api/v2/dags/~/dagRuns", params=newest_first)["dag_runs"]

    def note(self, dag_id: str, run_id: str, note: str) -> None:
        """Put a note on the run, which Airflow's UI shows."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"note": note})

    def skip(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Mark the task as skipped; what follows it is then skipped by Airflow."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._call("PATCH", path, json={"new_state": "skipped"})

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """Every task instance of the run, mapped ones each."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        instances: list[Json] = []
        while True:
            page = self._call("GET", path, params={"limit": 100, "offset": len(instances)})
            instances += page["task_instances"]
            if not page["task_instances"] or len(instances) >= page["total_entries"]:
                return instances

    def active_backfills(self, dag_id: str) -> int:
        """How many are not marked as complete."""
        newest_first = {"dag_id": dag_id, "order_by": "-id", "limit": 100}
        backfills = self._call("GET", "/api/v2/backfills", params=newest_first)["backfills"]
        return sum(backfill["completed_at"] is None for backfill in backfills)

    def backfill(self, dag_id: str, first: date, last: date) -> None:
        """Have the runs of these dates made, one after another, those that ended once more."""
        dates = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        how = {"max_active_runs": 1, "reprocess_behavior": "completed"}
        self._call("POST", "/api/v2/backfills", json={"dag_id": dag_id, **dates, **how})

    def log(self, instance: Json) -> str:
        """The log of the task instance's last attempt, a line an event."""
        run = f"/api/v2/dags/{instance['dag_id']}/dagRuns/{instance['dag_run_id']}"
        path = f"{run}/taskInstances/{instance['task_id']}/logs/{instance['try_number']}"
        answer = self._call("GET", path, params={"map_index": instance["map_index"]})
        return "\n".join(line_of(event) for event in answer["content"])

    def _call(self, method: str, path: str, **options: Any) -> Json:
        answer = self._client.request(method, path, **options)
        if answer.is_error:
            raise StackError(
                f"Airflow answered {method} {path} with {answer.status_code}: {answer.text[:500]}"
            )
        return answer.json()


def end_of(run: Json) -> date:
    """Return the day on which the run's data interval ends."""
    return datetime.fromisoformat(run["data_interval_end"]).date()


def line_of(event: Json | str) -> str:
    if isinstance(event, str):
        return event
    causes = ("").join(
        f"\n  {cause['exc_type']}: {cause['exc_value']}"
        for cause in event.get("error_detail") or []
    )
    return f"{event['event']}{causes}"
