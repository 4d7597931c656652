"""What becomes of the present week's run in a demo, whose data end years ago: it is skipped, not
left to wait and to fail.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from recsys.drops.zone import LandingZone
from stack.airflow_api import AirflowApi
from stack.waiting import wait_until

TIMEOUT = 120.0  # seconds until the scheduler has made the run, and skipped all of it
NOTE = (
    "Skipped by `make demo`: there is no MovieLens drop of {day}, and the data of the demo end "
    "before it."
)


def switch_on(api: AirflowApi, dag_id: str, zone: LandingZone) -> bool:
    """Unpause the DAG; returns whether the run that Airflow then starts, for the present week, was
    skipped.
    """
    api.unpause(dag_id)
    day = last_monday(datetime.now(UTC).date())
    if zone.is_complete("movielens", day):
        return False
    first_tasks = without_predecessor(api.tasks(dag_id))
    late = f"the run of {dag_id} for {day} was not skipped within {TIMEOUT:.0f} seconds"
    wait_until(
        lambda: is_skipped(api, dag_id, day, first_tasks),
        TIMEOUT,
        f"{late}: see it in Airflow",
        pause=0.2,
    )
    return True


def is_skipped(api: AirflowApi, dag_id: str, day: date, first_tasks: set[str]) -> bool:
    """Whether the run has ended well; else skip those of its first tasks that are not skipped
    yet.
    """
    run = api.runs(dag_id, [day]).get(day)
    if run is None:
        return False
    run_id = run["dag_run_id"]
    for instance in api.task_instances(dag_id, run_id):
        # at once: on a Sunday a sensor would fail in its first second, since its wait ends six days
        # after the drop's date
        if instance["task_id"] in first_tasks and instance["state"] not in ("skipped", "success"):
            api.skip(dag_id, run_id, instance["task_id"])
            api.note(dag_id, run_id, NOTE.format(day=day))
    return run["state"] == "success"


def last_monday(day: date) -> date:
    """The day itself where it is one."""
    return day - timedelta(days=day.weekday())


def without_predecessor(followers: Mapping[str, Iterable[str]]) -> set[str]:
    """The tasks that follow no other."""
    later = {task for tasks in followers.values() for task in tasks}
    return set(followers) - later


def unfinished(api: AirflowApi) -> list[str]:
    """A line on each run that failed or goes on, of whatever DAG."""
    runs = api.runs_in("failed", "running", "queued")
    return [f"{run['dag_id']} {run['dag_run_id']}: {run['state']}" for run in runs]
