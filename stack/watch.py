"""The tasks of some weeks' runs, live in the terminal: a row a task, a column a week; plain lines
where it is no terminal.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from graphlib import TopologicalSorter

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stack.airflow_api import AirflowApi, Json
from stack.errors import StackError

POLL_SECONDS = 2.0
FINISHED = ("success", "failed")
LOG_LINES = 40

#: What a task's cell shows, the first of its mapped instances' states that applies.
SIGNS = {
    "failed": ("✘ failed", "red"),
    "upstream_failed": ("✘ not run", "red"),
    "up_for_retry": ("↻ retry", "yellow"),
    "deferred": ("… waits", "cyan"),
    "awaiting_input": ("? asks", "yellow"),
    "running": ("▶ runs", "cyan"),
    "restarting": ("▶ runs", "cyan"),
    "queued": ("queued", "dim"),
    "scheduled": ("queued", "dim"),
    "success": ("✔", "green"),
    "skipped": ("– skipped", "dim"),
    "removed": ("– skipped", "dim"),
}


@dataclass
class Watch:
    """One call of `follow` for each set of runs. `dates` are the ends of the runs' data intervals,
    oldest first.
    """

    api: AirflowApi
    dag_id: str
    dates: Sequence[date]
    console: Console
    instances: dict[date, list[Json]] = field(default_factory=dict)
    states: dict[date, str] = field(default_factory=dict)
    printed: set[tuple[date, str, str | None, int]] = field(default_factory=set)

    def follow(self, timeout: float) -> None:
        """Show the runs until all of them succeeded. Raises StackError with the log's end where a
        task fails.
        """
        tasks = in_order(self.api.tasks(self.dag_id))
        give_up = time.monotonic() + timeout
        with Live(console=self.console, auto_refresh=False, transient=False) as live:
            while not all(self.states.get(day) == "success" for day in self.dates):
                self.look()
                if self.console.is_terminal:
                    live.update(self.table(tasks), refresh=True)
                else:
                    self.print_changes(tasks)
                if "failed" in self.states.values():
                    break
                if time.monotonic() > give_up:
                    raise StackError(
                        f"the runs of {self.dag_id} are not done after {timeout / 60:.0f} minutes"
                    )
                time.sleep(POLL_SECONDS)
        self._raise_on_failure()

    def look(self) -> None:
        """Ask Airflow once for what is not finished."""
        for day, run in self.api.runs(self.dag_id, list(self.dates)).items():
            if self.states.get(day) not in FINISHED:
                self.instances[day] = self.api.task_instances(self.dag_id, run["dag_run_id"])
                self.states[day] = run["state"]

    def table(self, tasks: Iterable[str]) -> Table:
        table = Table("task", *(f"week to {day}" for day in self.dates))
        for task in tasks:
            table.add_row(task, *(cell(self._of(day, task)) for day in self.dates))
        return table

    def print_changes(self, tasks: Iterable[str]) -> None:
        for day in self.dates:
            for task in tasks:
                instances = self._of(day, task)
                state = state_of(instances)
                change = (day, task, state, done(instances))
                if state not in (None, "scheduled", "queued") and change not in self.printed:
                    self.printed.add(change)
                    self.console.print(
                        Text.assemble(f"week to {day}: {task}: ", cell(instances)), soft_wrap=True
                    )

    def _of(self, day: date, task: str) -> list[Json]:
        return [instance for instance in self.instances.get(day, []) if instance["task_id"] == task]

    def _raise_on_failure(self) -> None:
        failed = [
            instance
            for day in self.dates
            for instance in self.instances.get(day, [])
            if instance["state"] == "failed"
        ]
        if failed:
            first = min(failed, key=lambda instance: instance["end_date"] or "")
            log = "\n".join(self.api.log(first).splitlines()[-LOG_LINES:])
            raise StackError(
                f"{first['task_id']} of run {first['dag_run_id']} failed; the end of "
                f"its log:\n{log}"
            )
        if "failed" in self.states.values():
            raise StackError(f"a run of {self.dag_id} failed without a failed task: {self.states}")


def in_order(followers: dict[str, list[str]]) -> list[str]:
    """Task ids so that each comes before those that follow it."""
    sorter: TopologicalSorter[str] = TopologicalSorter({task: set() for task in followers})
    for task, later in followers.items():
        for follower in later:
            sorter.add(follower, task)
    return list(sorter.static_order())


def state_of(instances: Sequence[Json]) -> str | None:
    """One state for a task's instances; None before there is any."""
    states = {instance["state"] for instance in instances}
    return next((state for state in SIGNS if state in states), None)


def done(instances: Sequence[Json]) -> int:
    """How many of a mapped task's instances succeeded."""
    return sum(instance["state"] == "success" for instance in instances)


def cell(instances: Sequence[Json]) -> Text:
    """The state's sign, how many of the mapped instances are done, and the seconds from the first
    start to the last end.
    """
    state = state_of(instances)
    if state is None:
        return Text()
    count = f" {done(instances)}/{len(instances)}" if len(instances) > 1 else ""
    return Text.assemble(SIGNS[state], f"{count}{seconds_of(instances)}")


def seconds_of(instances: Sequence[Json]) -> str:
    # one that waits for its turn again still has the times of its last run
    begun = [
        instance
        for instance in instances
        if instance["start_date"] and instance["state"] not in ("queued", "scheduled")
    ]
    if not begun:
        return ""
    starts = [datetime.fromisoformat(instance["start_date"]) for instance in begun]
    ends = [
        datetime.fromisoformat(instance["end_date"]) if instance["end_date"] else datetime.now(UTC)
        for instance in begun
    ]
    return f" {max(0.0, (max(ends) - min(starts)).total_seconds()):.1f} s"
