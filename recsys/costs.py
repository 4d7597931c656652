"""What a step costs: its time, the most memory that its process holds meanwhile, and the rows it
works on.

The memory is that of this process alone: what Postgres and MLflow's server take is theirs.
"""

import logging
import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.work import Work

log = logging.getLogger(__name__)

PROCESS = Path("/proc/self")
#: The unit of getrusage's ru_maxrss, in bytes.
MAXRSS = 1 if sys.platform == "darwin" else 1024


@dataclass
class Cost:
    """Known once the step has ended. `n_rows` is None where the step does not tell of any."""

    seconds: float = 0.0
    peak_bytes: int = 0
    n_rows: int | None = None


@dataclass(frozen=True)
class StepCost:
    """What a step of a run cost; `part` is what it was called on, "" where it is called once."""

    step: str
    part: str
    seconds: float
    peak_bytes: int | None
    n_rows: int | None


_running: ContextVar[Cost | None] = ContextVar("_running", default=None)


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what happens meanwhile, one step at a time in a process.

    What the process holds as the step begins counts: its libraries, and what earlier steps have
    left. Where the system does not let a process forget its peak (Linux does), the figure is the
    peak since the process began.
    """
    cost = Cost()
    token = _running.set(cost)
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")
    started = time.monotonic()
    try:
        yield cost
    finally:
        cost.seconds, cost.peak_bytes = time.monotonic() - started, _peak_bytes()
        _running.reset(token)


def worked_on(n_rows: int) -> None:
    """The running step's say on how many rows it works on. Said again, the last word counts;
    unmeasured, nobody listens.
    """
    cost = _running.get()
    if cost:
        cost.n_rows = n_rows


def keep_cost(work: Work, as_of: date, step: str, cost: Cost, *, part: str = "") -> None:
    """Add a row to the run's costs. If that fails, log the cost; the step still succeeds."""
    names = {"as_of": as_of, "run_id": work.run.run_id, "step": step, "part": part}
    try:
        work.conn.execute(queries("costs")["keep_cost"], names | vars(cost))
    except psycopg.Error as error:
        log.warning("%s %s: what it cost could not be kept: %s; %s", step, part, cost, error)


def costs_of_run(conn: Connection, as_of: date, run_id: str) -> list[StepCost]:
    """Return what each step cost as the run first got through it; none of one that is under way."""
    params = {"as_of": as_of, "run_id": run_id}
    return fetch_rows(conn, StepCost, queries("costs")["costs_of_run"], params)


def _peak_bytes() -> int:
    with suppress(OSError):
        peak = re.search(r"^VmHWM:\s+(\d+) kB$", (PROCESS / "status").read_text(), re.MULTILINE)
        if peak:
            return int(peak[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS
