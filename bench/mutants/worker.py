"""A process that takes drops in as a week does, so that whoever waits for it can end it."""

import logging
import os
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import LiteralString, cast

from pydantic import SecretStr

from recsys.db.connect import Connection, connect
from recsys.db.rows import fetch_rows, fetch_value, find_row
from recsys.drops.zone import LandingZone
from recsys.errors import DropError
from recsys.ingest import ledger
from recsys.ingest.load import ingest
from recsys.settings import Settings

FACTS: dict[str, LiteralString] = {
    "ratings": "SELECT user_id, movie_id, rating, extract(epoch FROM rated_at)::bigint FROM "
    "ratings WHERE drop_id > %s",
    "tags": "SELECT user_id, movie_id, tag, extract(epoch FROM tagged_at)::bigint FROM tags WHERE "
    "drop_id > %s",
    "movies": "SELECT movie_id, title, year, genres FROM movies WHERE drop_id > %s",
    "links": "SELECT movie_id, imdb_id, tmdb_id FROM links WHERE drop_id > %s",
    "users": "SELECT user_id, gender, age, occupation, zip_code FROM users WHERE drop_id > %s",
    "imdb_titles": """SELECT movie_id, imdb_id, title_type, primary_title, start_year,
       runtime_minutes, genres,
                             average_rating, votes FROM imdb_titles WHERE drop_id > %s""",
    "persons": "SELECT person_id, name, birth_year, death_year FROM persons WHERE drop_id > %s",
    "movie_persons": "SELECT movie_id, role, position, person_id FROM movie_persons WHERE drop_id "
    "> %s",
}
DROP = "SELECT state, counts FROM drops WHERE drop_id > %s"
REJECTS = "SELECT file, line, reason, content FROM rejected_rows WHERE drop_id > %s"
FAR = date(2100, 1, 1)


@dataclass(frozen=True)
class Task:
    """Take in what lies in this landing zone and is new. Drops up to `last_drop` are none of the
    task's.
    """

    database_url: str
    zone: str
    last_drop: int = 0

    @property
    def settings(self) -> Settings:
        """The settings' defaults, whatever this machine's environment says of files."""
        return Settings(
            database_url=SecretStr(self.database_url),
            drops=self.zone,
            _env_file=None,  # pyright: ignore[reportCallIssue]
        )


@dataclass
class Observed:
    """What became of a drop. `error` is the message of a DropError, `crash` the traceback of any
    other exception.
    """

    state: str = "not registered"
    error: str = ""
    crash: str = ""
    printed: str = ""
    facts: dict[str, Counter[tuple]] = field(default_factory=dict)
    rejects: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class DropRow:
    """A drop as the database has it; `counts` where it is taken in."""

    state: str
    counts: dict[str, dict[str, int]] | None


@dataclass(frozen=True)
class RejectRow:
    file: str
    line: int
    reason: str
    content: str


class Worker:
    """One process, started anew where it had to be ended. What it prints goes to a file."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "worker.output"
        self._process: SpawnProcess | None = None
        self._pipe: Pipe | None = None

    def begin(self, task: Task) -> None:
        """Start to take a drop in; `observed` waits for its end."""
        pipe = self._started()
        self._output.write_bytes(b"")
        pipe.send(task)

    def observed(self, limit_s: float) -> Observed | None:
        """Return what became of the drop; None where that takes longer than the limit, or ended
        the process.
        """
        observed = self._received(limit_s)
        if observed is None:
            self.stop()
            return None
        observed.printed = self._output.read_text(errors="replace")
        return observed

    def _received(self, limit_s: float) -> Observed | None:
        pipe = self._started()
        try:
            return pipe.recv() if pipe.poll(limit_s) else None
        except EOFError:
            return None

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def _started(self) -> Pipe:
        if self._pipe is None:
            self._pipe = self._start()
        return self._pipe

    def _start(self) -> Pipe:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, str(self._output)), daemon=True)
        process.start()
        theirs.close()
        self._process = process
        return cast("Pipe", ours)


def work(pipe: Pipe, output: str) -> None:
    """Take in one drop after the other until the other end of the pipe is gone."""
    print_to(output)
    logging.getLogger().addHandler(logging.NullHandler())
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(take_in(task))


def print_to(output: str) -> None:
    """Let this process print to a file."""
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def take_in(task: Task) -> Observed:
    """Register and ingest; return what the database then holds."""
    observed = Observed()
    with connect(task.settings) as conn:
        started = time.perf_counter()
        try:
            ingest_drop(conn, task.settings)
        except DropError as error:
            observed.error = str(error)
        except Exception:  # noqa: BLE001 - a crash is what is looked for
            observed.crash = traceback.format_exc()
        observed.seconds = time.perf_counter() - started
    with connect(task.settings) as conn:
        observe_drop(conn, task.last_drop, observed)
    return observed


def ingest_drop(conn: Connection, settings: Settings) -> None:
    zone = LandingZone(settings.drops)
    ledger.register_drops(conn, zone, FAR)
    newest = fetch_value(conn, int, "SELECT coalesce(max(drop_id), 0) FROM drops")
    for drop_id, drop in ledger.drops_to_ingest(conn, zone, watermark=newest, as_of=FAR):
        ingest(conn, zone, drop, drop_id, max_bad_share=settings.max_bad_share)


def observe_drop(conn: Connection, last_drop: int, observed: Observed) -> None:
    """Fill in the state, the counts, the facts and the rejects of what came after the last drop."""
    drop = find_row(conn, DropRow, DROP, [last_drop])
    if drop is not None:
        observed.state = drop.state
        observed.read = (drop.counts or {}).get("read", {})
    observed.facts = {table: facts_of(conn, FACTS[table], last_drop) for table in FACTS}
    for row in fetch_rows(conn, RejectRow, REJECTS, [last_drop]):
        observed.rejects[(row.file, row.line)] = (row.reason, row.content)


def facts_of(conn: Connection, query: LiteralString, last_drop: int) -> Counter[tuple]:
    rows = conn.execute(query, [last_drop])
    return Counter(hashable(row) for row in rows)


def hashable(row: tuple) -> tuple:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)
