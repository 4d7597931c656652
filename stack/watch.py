"""The tasks of some weeks' runs, live in the terminal: a row a task, a column a week; plain lines
where it is no terminal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from graphlib import TopologicalSorter
from itertools import chain, product

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stack.airflow_api import AirflowApi, Json
from stack.errors import StackError
from stack.waiting import wait_until

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
        late = f"the runs of {self.dag_id} are not done after {timeout / 60:.0f} minutes"
        with Live(console=self.console, auto_refresh=False, transient=False) as live:

            def is_over() -> bool:
                self.look()
                self.show(tasks, live)
                return self.is_done or self.has_failed

            wait_until(is_over, timeout, late, pause=POLL_SECONDS)
        self._raise_on_failure()

    @property
    def is_done(self) -> bool:
        """Whether all runs succeeded."""
        return all(self.states.get(day) == "success" for day in self.dates)

    @property
    def has_failed(self) -> bool:
        """Whether one run failed."""
        return "failed" in self.states.values()

    def show(self, tasks: Sequence[str], live: Live) -> None:
        """Show how things stand: all of it in a terminal, elsewhere what is new."""
        if self.console.is_terminal:
            live.update(self.table(tasks), refresh=True)
        else:
            self.print_changes(tasks)

    def look(self) -> None:
        """Ask Airflow once for what is not finished."""
        for day, run in self.api.runs(self.dag_id, list(self.dates)).items():
            if self.states.get(day) not in FINISHED:
                self.instances[day] = self.api.task_instances(self.dag_id, run["dag_run_id"])
                self.states[day] = run["state"]

    def table(self, tasks: Iterable[str]) -> Table:
        """Return a row a task, a column a week."""
        table = Table("task", *(f"week to {day}" for day in self.dates))
        for task in tasks:
            table.add_row(task, *(cell(self._of(day, task)) for day in self.dates))
        return table

    def print_changes(self, tasks: Iterable[str]) -> None:
        """Print a line for each task that is new in its state."""
        for day, task in product(self.dates, tasks):
            self._print_change(day, task)

    def _print_change(self, day: date, task: str) -> None:
        instances = self._of(day, task)
        state = state_of(instances)
        change = (day, task, state, done(instances))
        if state in (None, "scheduled", "queued") or change in self.printed:
            return
        self.printed.add(change)
        line = Text.assemble(f"week to {day}: {task}: ", cell(instances))
        self.console.print(line, soft_wrap=True)

    def _of(self, day: date, task: str) -> list[Json]:
        return [instance for instance in self.instances.get(day, []) if instance["task_id"] == task]

    def _raise_on_failure(self) -> None:
        first = self._first_failed
        if first:
            log = "\n".join(self.api.log(first).splitlines()[-LOG_LINES:])
            which = f"{first['task_id']} of run {first['dag_run_id']}"
            raise StackError(f"{which} failed; the end of its log:\n{log}")
        if self.has_failed:
            raise StackError(f"a run of {self.dag_id} failed without a failed task: {self.states}")

    @property
    def _first_failed(self) -> Json | None:
        instances = chain.from_iterable(self.instances.get(day, []) for day in self.dates)
        failed = [instance for instance in instances if instance["state"] == "failed"]
        return min(failed, key=lambda instance: instance["end_date"] or "", default=None)


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
    """Return the seconds from the first start to the last end, or to now."""
    begun = [instance for instance in instances if has_begun(instance)]
    if not begun:
        return ""
    start = min(datetime.fromisoformat(instance["start_date"]) for instance in begun)
    end = max(end_of(instance) for instance in begun)
    return f" {max(0.0, (end - start).total_seconds()):.1f} s"


def has_begun(instance: Json) -> bool:
    """Whether it runs or ran: one that waits for its turn again has the times of its last run."""
    return bool(instance["start_date"]) and instance["state"] not in ("queued", "scheduled")


def end_of(instance: Json) -> datetime:
    """Return when it ended, or now."""
    text = instance["end_date"]
    return datetime.fromisoformat(text) if text else datetime.now(UTC)
