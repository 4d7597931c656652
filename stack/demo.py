"""`make demo`: the main job from nothing to recommendations, through the real scheduler."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console

from recsys.db.connect import connect
from recsys.db.queries import queries
from recsys.db.rows import fetch_row
from recsys.drops.replay import replay
from recsys.drops.zone import LandingZone
from recsys.terminal import head, say
from stack.airflow_api import AirflowApi
from stack.demo_dataset import Dataset, choose_dataset, remember_dataset
from stack.errors import StackError
from stack.home import REPOSITORY
from stack.present_week import switch_on, unfinished
from stack.services import Stack
from stack.spent import Spent, minutes_of
from stack.waiting import wait_until
from stack.watch import Watch

DAG = "weekly_recommendations"
WEEKS = 3
DAG_TIMEOUT = 120.0  # seconds until Airflow has read the DAG file
RUNS_TIMEOUT = 3_600.0
WEEK = timedelta(days=7)
SKIPPED = " Its run for the present week is skipped, as there is no drop of it."


@dataclass(frozen=True)
class Published:
    """What readers see: how many users have a list, the rows of all, and their week."""

    users: int
    rows: int
    as_of: date | None


def demo(stack: Stack, console: Console, movielens: Path | None, imdb: Path | None) -> None:
    """Data, drops, services, three weekly runs, and what came of it. Raises StackError where a step
    fails.
    """
    spent = Spent.with_install()
    with spent.on("data, drops"):
        dates = choose_drops(stack, console, movielens, imdb)
    with spent.on("stack"):
        stack.up(lambda what: say(console, f"starting {what} …", "dim"))
    api = AirflowApi(stack.home)
    weeks = dates[-WEEKS:]
    run_weeks(stack, console, api, weeks)
    show_results(stack, console)
    for day, run in api.runs(DAG, weeks).items():
        spent.add_week(day, run, api.task_instances(DAG, run["dag_run_id"]))
    show_spent(console, spent)


def choose_drops(
    stack: Stack, console: Console, movielens: Path | None, imdb: Path | None
) -> list[date]:
    """Choose the data and cut it into drops; return their dates."""
    stack.home.create()
    dataset = choose_dataset(stack.home, movielens, imdb, partial(say, console))
    say(console, f"data: {dataset}")
    dates = put_drops(stack, dataset)
    first, *weeks = dates
    put = f"drops in {stack.home.drops}: all before {first}, then a week each to"
    say(console, f"{put} {', '.join(map(str, weeks))}")
    return dates


def put_drops(stack: Stack, dataset: Dataset) -> list[date]:
    """Cut the data into drops; return their dates."""
    dates = replay(dataset.movielens, str(stack.home.drops), weeks=WEEKS, imdb=dataset.imdb)
    remember_dataset(stack.home, dataset)
    return dates


def run_weeks(stack: Stack, console: Console, api: AirflowApi, dates: list[date]) -> None:
    """One run a week, in order, by the scheduler; lists are shown as soon as there are some."""
    wait_for_dag(api)
    is_skipped = switch_on(api, DAG, LandingZone(str(stack.home.drops)))
    say(console, f"{DAG} is on.{SKIPPED if is_skipped else ''} Past weeks go by backfill, by hand:")
    say(console, f"$ {backfill_command(stack, dates)}")
    wait_for_other_backfill(api, console)
    # a run is named by its data interval's start: the one that closes a Monday by the Monday before
    api.backfill(DAG, dates[0] - WEEK, dates[-1] - WEEK)
    first, *later = dates
    Watch(api, DAG, [first], console).follow(RUNS_TIMEOUT)
    say(console, f"\nWeek {first} is live. Some of its lists, while the next weeks run:", "bold")
    run_recsys(stack, "recommend")
    Watch(api, DAG, later, console).follow(RUNS_TIMEOUT)
    show_unfinished(api, console)


def show_unfinished(api: AirflowApi, console: Console) -> None:
    """Say which runs Airflow shows as failed or running: after a first demo there are none."""
    lines = unfinished(api)
    if lines:
        console.print(
            "[yellow]runs in Airflow that failed or go on:[/]\n  " + "\n  ".join(lines),
            soft_wrap=True,
            highlight=False,
        )
    else:
        console.print("every run in Airflow is done, and none failed", highlight=False)


def backfill_command(stack: Stack, dates: list[date]) -> str:
    """Return what starts the same backfill by hand."""
    weeks = f"--from-date {dates[0] - WEEK} --to-date {dates[-1] - WEEK} --max-active-runs 1"
    again = "--reprocess-behavior completed"
    return f"{stack.home.airflow_command} backfill create --dag-id {DAG} {weeks} {again}"


def show_results(stack: Stack, console: Console) -> None:
    """Three users' lists, the exam and the verdict, and where to look further."""
    with connect(stack.settings()) as conn:
        row = fetch_row(conn, Published, queries("demo")["published"])
    if not row.rows:
        raise StackError("the runs succeeded, but `recommendations` is empty")
    title = f"{row.rows:,} recommendations for {row.users:,} users"
    head(console, title, f", as of {row.as_of}")
    run_recsys(stack, "recommend")
    run_recsys(stack, "exam")


def run_recsys(stack: Stack, command: str) -> None:
    """Show what a command of the library prints."""
    sys.stdout.flush()
    words = [sys.executable, "-m", "recsys", command]
    environment = os.environ | {"RECSYS_HOME": str(stack.home.root)}
    done = subprocess.run(words, cwd=REPOSITORY, env=environment, check=False)
    if done.returncode:
        raise StackError(f"python -m recsys {command} failed with status {done.returncode}")


def wait_for_dag(api: AirflowApi) -> None:
    """Wait until Airflow has read the DAG file."""
    late = f"Airflow has not read the DAG {DAG} after {DAG_TIMEOUT:.0f} seconds"
    wait_until(lambda: api.has_dag(DAG), DAG_TIMEOUT, f"{late}; see the log of dag-processor")


def wait_for_other_backfill(api: AirflowApi, console: Console) -> None:
    """An earlier demo's backfill may still run, or not yet be marked as done: Airflow allows one a
    DAG.
    """
    if not api.active_backfills(DAG):
        return
    late = f"an earlier backfill of {DAG} does not end: see it in Airflow, or `make clean`"
    with console.status("an earlier backfill comes to its end …"):
        wait_until(lambda: not api.active_backfills(DAG), RUNS_TIMEOUT, late, pause=1)


def show_spent(console: Console, spent: Spent) -> None:
    """Where the time went, a line a part, the longest tasks of each week beside it."""
    say(console, f"\ndone in {minutes_of(spent.total)}, of which", "bold")
    for part in spent.parts:
        say(console, f"  {part.name:18} {part.seconds:6.1f} s  {part.note}".rstrip())
