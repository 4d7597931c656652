"""`make demo`: the main job from nothing to recommendations, through the real scheduler."""

import os
import subprocess
import sys
import time
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
    started = time.monotonic()
    stack.home.create()
    dataset = choose_dataset(stack.home, movielens, imdb, partial(say, console))
    say(console, f"data: {dataset}")
    dates = put_drops(stack, dataset)
    first, *weeks = dates
    put = f"drops in {stack.home.drops}: all before {first}, then a week each to"
    say(console, f"{put} {', '.join(map(str, weeks))}")
    stack.up(lambda what: say(console, f"starting {what} …", "dim"))
    run_weeks(stack, console, dates[-WEEKS:])
    show_results(stack, console)
    say(console, f"\ndone in {minutes_of(time.monotonic() - started)}", "bold")


def put_drops(stack: Stack, dataset: Dataset) -> list[date]:
    """Cut the data into drops; return their dates."""
    dates = replay(dataset.movielens, str(stack.home.drops), weeks=WEEKS, imdb=dataset.imdb)
    remember_dataset(stack.home, dataset)
    return dates


def run_weeks(stack: Stack, console: Console, dates: list[date]) -> None:
    """One run a week, in order, by the scheduler."""
    api = AirflowApi(stack.home)
    wait_for_dag(api)
    is_skipped = switch_on(api, DAG, LandingZone(str(stack.home.drops)))
    say(console, f"{DAG} is on.{SKIPPED if is_skipped else ''} Past weeks go by backfill:")
    wait_for_other_backfill(api, console)
    start_backfill(stack, console, dates)
    Watch(api, DAG, dates, console).follow(RUNS_TIMEOUT)
    show_unfinished(api, console)


def start_backfill(stack: Stack, console: Console, dates: list[date]) -> None:
    """Have Airflow run the weeks. Raises StackError where it refuses."""
    command = [str(stack.home.airflow_command), *backfill_command(dates)]
    say(console, f"$ {' '.join(command)}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr)[-2000:]
        raise StackError(f"the backfill was refused, with status {done.returncode}:\n{output}")


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


def backfill_command(dates: list[date]) -> list[str]:
    """Airflow names a weekly run by its data interval's start: the run that closes a Monday has the
    Monday before as its date.
    """
    weeks = ["--from-date", str(dates[0] - WEEK), "--to-date", str(dates[-1] - WEEK)]
    again = ["--max-active-runs", "1", "--reprocess-behavior", "completed"]
    return ["backfill", "create", "--dag-id", DAG, *weeks, *again]


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


def minutes_of(seconds: float) -> str:
    """Return a duration as people read it."""
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"
