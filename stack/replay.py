"""`make replay`: the last weeks of a data set, one after another without a scheduler, and a page on
what came of them.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
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
from recsys.db.rows import fetch_values
from recsys.drops.replay import replay
from recsys.models import MODELS
from recsys.overrides import parse_recipe
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
        """Raises StackError where something asked for is not there, and ModelError for settings
        that a recipe cannot have.
        """
        check_path("FROM", self.movielens)
        if self.imdb:
            check_path("IMDB", self.imdb)
        if self.weeks < 1:
            raise StackError(f"WEEKS={self.weeks}: expected at least 1")
        unknown = sorted({name.partition("[")[0] for name in self.recipes} - set(MODELS))
        if unknown:
            raise StackError(
                f"RECIPES has {', '.join(unknown)}; expected some of {', '.join(MODELS)}"
            )
        for recipe in self.recipes:
            parse_recipe(recipe)

    def to_json(self) -> dict[str, Any]:
        imdb = str(self.imdb.resolve()) if self.imdb else None
        return {
            "movielens": str(self.movielens.resolve()),
            "imdb": imdb,
            "weeks": self.weeks,
            "recipes": list(self.recipes),
        }


@dataclass(frozen=True)
class WeekBar:
    """A bar of the weeks, with the step that runs."""

    progress: Progress
    task: TaskID

    @classmethod
    def begin(cls, progress: Progress, n_weeks: int, n_finished: int) -> "WeekBar":
        """Show the bar."""
        task = progress.add_task("weeks", total=n_weeks, completed=n_finished, step="")
        return cls(progress, task)

    def show(self, step: str) -> None:
        """Show which step runs."""
        self.progress.update(self.task, step=step)

    def end_week(self, day: date, outcome: str) -> None:
        """Print a line on a finished week."""
        say(self.progress.console, f"week to {day}: {outcome}")
        self.progress.advance(self.task)


def check_path(name: str, path: Path) -> None:
    """Raise StackError where nothing is there."""
    if not path.exists():
        raise StackError(f"{name}={path}: there is no such folder or file")


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
    with running_postgres(home) as postgres:
        settings = settings_of(home, postgres, chosen)
        prepare(settings, home)
        run_weeks(settings, home, console, dates)
    return home.root / PAGE


@contextmanager
def running_postgres(home: Home) -> Iterator[Postgres]:
    """Start PostgreSQL, and stop it in the end."""
    postgres = Postgres(home.root, port=wanted_port("postgres"))
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()


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
    with console.status("cutting the data set into weeks …"):
        dates = put_drops(home, chosen)
    write_private(record, json.dumps(chosen.to_json() | {"dates": [str(day) for day in dates]}))
    return dates


def put_drops(home: Home, chosen: Replay) -> list[date]:
    """Cut the data set into drops; return the dates of all but the first, which is no week."""
    dates = replay(chosen.movielens, str(home.drops), weeks=chosen.weeks, imdb=chosen.imdb)
    return dates[1:]


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
    with connect(settings) as conn, Progress(*COLUMNS, console=console) as progress:
        finished = finished_weeks(conn)
        bar = WeekBar.begin(progress, len(dates), len(finished))
        for day in dates:
            if day not in finished:
                seconds = run_week(settings, day, bar)
                decision = draw(conn, home, day)
                bar.end_week(day, f"{decision}, {duration(seconds)}")
        bar.show("")
        draw(conn, home, dates[-1])


def finished_weeks(conn: Connection) -> set[date]:
    """Return the weeks that were run to their end."""
    return set(fetch_values(conn, date, queries("replay")["finished"]))


def run_week(settings: Settings, day: date, bar: WeekBar) -> float:
    """Run a week; return how many seconds it took."""
    from recsys import run
    from recsys.request import RunRequest

    started = time.monotonic()
    request = RunRequest(as_of=day, run_id=RUN_ID)
    run.run_week(settings, request, on_step=lambda step: bar.show(f"week to {day}: {step}"))
    return time.monotonic() - started


def draw(conn: Connection, home: Home, day: date) -> str:
    """Draw the page; return what was decided for the week, in a few words."""
    record = read_record(conn)
    draw_page(record, home.root / PAGE)
    return next(f"{week.decision}, {week.decided}" for week in record.weeks if week.as_of == day)
