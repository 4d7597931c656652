"""Where a demo's time went: the install, the stack, each week with its longest tasks."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Self

from stack.airflow_api import Json

#: Where stack.install leaves how long it took.
INSTALL_SECONDS = Path(sys.prefix) / "install-seconds"
LONGEST = 3  # tasks that are named of each week


@dataclass(frozen=True)
class Part:
    """What took some of the time, and what there is to say of it."""

    name: str
    seconds: float
    note: str = ""


@dataclass
class Spent:
    """Time by part, from when this is made; an install that came before counts once."""

    parts: list[Part] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def with_install(cls, record: Path = INSTALL_SECONDS) -> Self:
        """Start with the install that has not been counted yet, where there was one."""
        if not record.exists():
            return cls()
        seconds = float(record.read_text())
        record.unlink()
        return cls([Part("install", seconds)], time.monotonic() - seconds)

    @property
    def total(self) -> float:
        """Return the seconds until now, the install included."""
        return time.monotonic() - self.started

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Measure a part."""
        started = time.monotonic()
        yield
        self.parts.append(Part(name, time.monotonic() - started))

    def add_week(self, day: date, run: Json, instances: Sequence[Json]) -> None:
        """Add a week's run, as Airflow has it."""
        tasks = sorted(task_seconds(instances).items(), key=lambda task: -task[1])[:LONGEST]
        note = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in tasks)
        self.parts.append(Part(f"week to {day}", seconds_of(run, run), note))


def task_seconds(instances: Sequence[Json]) -> dict[str, float]:
    """Return the seconds of each task that ran, from the first start of its mapped instances to
    their last end.
    """
    ran = [instance for instance in instances if instance["start_date"] and instance["end_date"]]
    by_start = sorted(ran, key=lambda instance: instance["start_date"])
    by_end = sorted(ran, key=lambda instance: instance["end_date"])
    first = {instance["task_id"]: instance for instance in reversed(by_start)}
    last = {instance["task_id"]: instance for instance in by_end}
    return {task: seconds_of(first[task], last[task]) for task in first}


def seconds_of(first: Json, last: Json) -> float:
    """Return the seconds from the start of one to the end of the other."""
    start, end = (datetime.fromisoformat(text) for text in (first["start_date"], last["end_date"]))
    return (end - start).total_seconds()


def minutes_of(seconds: float) -> str:
    """Return a duration as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
