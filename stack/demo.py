"""`make demo`: the main job from nothing to recommendations, through the real scheduler."""

import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from recsys.db.connect import connect
from recsys.db.queries import queries
from recsys.drops.replay import replay
from recsys.drops.zone import LandingZone
from recsys.terminal import head, say
from stack.airflow_api import AirflowApi
from stack.demo_dataset import Dataset, choose_dataset, remember_dataset
from stack.errors import StackError
from stack.home import REPOSITORY
from stack.present_week import switch_on, unfinished
from stack.services import Stack
from stack.watch import Watch

DAG = "weekly_recommendations"
WEEKS = 3
DAG_TIMEOUT = 120.0  # seconds until Airflow has read the DAG file
RUNS_TIMEOUT = 3_600.0
WEEK = timedelta(days=7)


def demo(stack: Stack, console: Console, movielens: Path | None, imdb: Path | None) -> None:
    """Data, drops, services, three weekly runs, and what came of it. Raises StackError where a step
    fails.
    """
    started = time.monotonic()
    stack.home.create()

    def tell(text: str, style: str = "") -> None:
        say(console, text, style)

    dataset = choose_dataset(stack.home, movielens, imdb, tell)
    tell(
        f"data: {dataset.movielens}"
        + (f" and {dataset.imdb}" if dataset.imdb else ", without IMDb")
    )
    dates = put_drops(stack, dataset)
    remember_dataset(stack.home, dataset)
    tell(
        f"drops in {stack.home.drops}: all before {dates[0]}, then a week each to "
        f"{', '.join(map(str, dates[1:]))}"
    )
    stack.up(lambda what: tell(f"starting {what} …", "dim"))
    run_weeks(stack, console, dates[-WEEKS:])
    show_results(stack, console)
    tell(f"\ndone in {minutes_of(time.monotonic() - started)}", "bold")


def put_drops(stack: Stack, dataset: Dataset) -> list[date]:
    return replay(dataset.movielens, str(stack.home.drops), weeks=WEEKS, imdb=dataset.imdb)


def run_weeks(stack: Stack, console: Console, dates: list[date]) -> None:
    """One run a week, in order, by the scheduler."""
    api = AirflowApi(stack.home)
    wait_for_dag(api)
    is_skipped = switch_on(api, DAG, LandingZone(str(stack.home.drops)))
    present = (
        " Its run for the present week is skipped, as there is no drop of it." if is_skipped else ""
    )
    say(console, f"{DAG} is on.{present} Past weeks go by backfill:")
    wait_for_other_backfill(api, console)
    command = backfill_command(dates)
    say(console, f"$ {stack.home.airflow_command} {' '.join(command)}")
    done = subprocess.run(
        [str(stack.home.airflow_command), *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(
            "the backfill was refused, with status "
            f"{done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        )
    Watch(api, DAG, dates, console).follow(RUNS_TIMEOUT)
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


def backfill_command(dates: list[date]) -> list[str]:
    """Airflow names a weekly run by its data interval's start: the run that closes a Monday has the
    Monday before as its date.
    """
    first, last = dates[0] - WEEK, dates[-1] - WEEK
    arguments = [
        "backfill",
        "create",
        "--dag-id",
        DAG,
        "--from-date",
        str(first),
        "--to-date",
        str(last),
    ]
    return [*arguments, "--max-active-runs", "1", "--reprocess-behavior", "completed"]


def show_results(stack: Stack, console: Console) -> None:
    """Three users' lists, the exam and the verdict, and where to look further."""
    with connect(stack.settings()) as conn:
        row = conn.execute(queries("demo")["published"]).fetchone()
    if row is None or not row.rows:
        raise StackError("the runs succeeded, but `recommendations` is empty")
    head(
        console,
        f"{row.rows:,} recommendations for {row.users:,} users",
        f", as of {row.as_of}",
    )
    _recsys(stack, "recommend")
    _recsys(stack, "exam")


def _recsys(stack: Stack, *arguments: str) -> None:
    sys.stdout.flush()
    environment = os.environ | {"RECSYS_HOME": str(stack.home.root)}
    done = subprocess.run(
        [sys.executable, "-m", "recsys", *arguments], cwd=REPOSITORY, env=environment, check=False
    )
    if done.returncode:
        raise StackError(
            f"python -m recsys {' '.join(arguments)} failed with status {done.returncode}"
        )


def wait_for_dag(api: AirflowApi) -> None:
    give_up = time.monotonic() + DAG_TIMEOUT
    while not api.has_dag(DAG):
        if time.monotonic() > give_up:
            raise StackError(
                f"Airflow has not read the DAG {DAG} after {DAG_TIMEOUT:.0f} seconds; "
                "see the log of dag-processor"
            )
        time.sleep(0.5)


def wait_for_other_backfill(api: AirflowApi, console: Console) -> None:
    """An earlier demo's backfill may still run, or not yet be marked as done: Airflow allows one a
    DAG.
    """
    if not api.active_backfills(DAG):
        return
    give_up = time.monotonic() + RUNS_TIMEOUT
    with console.status("an earlier backfill comes to its end …"):
        while api.active_backfills(DAG):
            if time.monotonic() > give_up:
                raise StackError(
                    f"an earlier backfill of {DAG} does not end: see it in Airflow, or `make clean`"
                )
            time.sleep(1)


def minutes_of(seconds: float) -> str:
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"
