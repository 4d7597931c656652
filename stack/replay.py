"""`make replay`: the last weeks of a data set, one after another without a scheduler, and a page on
what came of them.
"""

import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from recsys.db.connect import Connection, connect
from recsys.db.migrate import migrate
from recsys.db.queries import queries
from recsys.drops.replay import replay
from recsys.models import MODELS
from recsys.settings import Settings
from recsys.terminal import say
from recsys.weeks_page.page import draw_page, duration
from recsys.weeks_page.record import read_record
from stack.environment import QUIET
from stack.errors import StackError
from stack.home import REPOSITORY, Home, wanted_port
from stack.postgres import Postgres
from stack.private import write_private

RUN_ID = "replay"
PAGE = "weeks.html"

#: MLflow shares the terminal with a progress bar: it logs as all others do, and draws no bars of
#: its own.
UNSEEN = QUIET | {
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TextColumn("{task.fields[step]}", markup=False),
)


@dataclass(frozen=True)
class Replay:
    """What is replayed. A folder holds one replay: another one needs a folder of its own.

    `movielens` is a folder or a zip as published, `imdb` a folder of IMDb's TSVs; no recipes are
    all there are.
    """

    movielens: Path
    imdb: Path | None
    weeks: int
    recipes: tuple[str, ...]

    def check(self) -> None:
        """Raises StackError where something asked for is not there."""
        for name, path in (("FROM", self.movielens), ("IMDB", self.imdb)):
            if path is not None and not path.exists():
                raise StackError(f"{name}={path}: there is no such folder or file")
        if self.weeks < 1:
            raise StackError(f"WEEKS={self.weeks}: expected at least 1")
        unknown = sorted(set(self.recipes) - set(MODELS))
        if unknown:
            raise StackError(
                f"RECIPES has {', '.join(unknown)}; expected some of {', '.join(MODELS)}"
            )

    def to_json(self) -> dict[str, Any]:
        imdb = str(self.imdb.resolve()) if self.imdb else None
        return {
            "movielens": str(self.movielens.resolve()),
            "imdb": imdb,
            "weeks": self.weeks,
            "recipes": list(self.recipes),
        }


def replay_home() -> Home:
    """RECSYS_HOME, else `.replay` in the repository: beside the state of `make demo`, not in it."""
    return Home(Path(os.environ.get("RECSYS_HOME") or REPOSITORY / ".replay"))


def replay_weeks(home: Home, console: Console, chosen: Replay) -> Path:
    """Cut the data set into weekly drops, run every week that has not been, draw the page; return
    its path.

    Broken off, it goes on from there when it is called again: a finished week is left alone, and so
    is each finished step of one that is not. PostgreSQL runs while this does.
    """
    chosen.check()
    dates = dates_of(home, console, chosen)
    os.environ |= UNSEEN  # before MLflow is imported
    logging.basicConfig(
        filename=home.log("replay"), level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )
    postgres = Postgres(home.root, port=wanted_port("postgres"))
    postgres.start()
    try:
        settings = settings_of(home, postgres, chosen)
        prepare(settings, home)
        run_weeks(settings, home, console, dates)
    finally:
        postgres.stop()
    return home.root / PAGE


def dates_of(home: Home, console: Console, chosen: Replay) -> list[date]:
    """Return the weeks to run, their drops put. Raises StackError where the folder holds something
    else.
    """
    record = home.root / "replay.json"
    if record.exists():
        return read_dates(record, home, chosen)
    if (home.root / "dataset.json").exists():
        raise StackError(f"{home.root} holds a demo: {_elsewhere(home)}")
    home.create()
    zone = str(home.drops)
    with console.status("cutting the data set into weeks …"):
        _first, *dates = replay(chosen.movielens, zone, weeks=chosen.weeks, imdb=chosen.imdb)
    write_private(record, json.dumps(chosen.to_json() | {"dates": [str(day) for day in dates]}))
    return dates


def read_dates(record: Path, home: Home, chosen: Replay) -> list[date]:
    """Return the weeks of a replay that began earlier. Raises StackError where it is another."""
    kept = json.loads(record.read_text())
    dates = kept.pop("dates")
    if kept != chosen.to_json():
        parts = ", ".join(f"{name} {value}" for name, value in kept.items() if value)
        raise StackError(f"{home.root} holds another replay ({parts}): {_elsewhere(home)}")
    return [date.fromisoformat(day) for day in dates]


def _elsewhere(home: Home) -> str:
    return f"choose a folder with RECSYS_HOME=…, or run `make clean RECSYS_HOME={home.root}` first"


def settings_of(home: Home, postgres: Postgres, chosen: Replay) -> Settings:
    """MLflow needs no server for one process: its store is a file."""
    return Settings(
        database_url=SecretStr(postgres.url()),
        drops=str(home.drops),
        mlflow_tracking_uri=f"sqlite:///{home.mlflow}/mlflow.db",
        recipes=chosen.recipes,
    )


def prepare(settings: Settings, home: Home) -> None:
    """The schema, and an MLflow experiment whose artifacts lie in the folder: without a server they
    lie where one stands.
    """
    import mlflow

    with connect(settings) as conn:
        migrate(conn)
    client = mlflow.MlflowClient(settings.mlflow_tracking_uri, settings.mlflow_tracking_uri)
    if client.get_experiment_by_name(settings.mlflow_experiment) is None:
        client.create_experiment(
            settings.mlflow_experiment, artifact_location=(home.mlflow / "artifacts").as_uri()
        )


def run_weeks(settings: Settings, home: Home, console: Console, dates: Sequence[date]) -> None:
    """Run every week that is not finished, in order; draw the page anew after each."""
    from recsys.request import RunRequest
    from recsys.run import run_week

    with connect(settings) as conn, Progress(*COLUMNS, console=console) as bar:
        finished = {row.as_of for row in conn.execute(queries("replay")["finished"])}
        task = bar.add_task("weeks", total=len(dates), completed=len(finished), step="")
        for day in dates:
            if day in finished:
                continue
            started = time.monotonic()
            request = RunRequest(as_of=day, run_id=RUN_ID)
            run_week(settings, request, on_step=partial(show_step, bar, task, day))
            cost = duration(time.monotonic() - started)
            say(bar.console, f"week to {day}: {_draw(conn, home, day)}, {cost}")
            bar.advance(task)
        bar.update(task, step="")
        _draw(conn, home, dates[-1])


def show_step(bar: Progress, task: TaskID, day: date, step: str) -> None:
    """Which step runs."""
    bar.update(task, step=f"week to {day}: {step}")


def _draw(conn: Connection, home: Home, day: date) -> str:
    """Draw the page; return what was decided for the week, in a few words."""
    record = read_record(conn)
    draw_page(record, home.root / PAGE)
    return next(f"{week.decision}, {week.decided}" for week in record.weeks if week.as_of == day)
