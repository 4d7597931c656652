"""A whole ordinary week: all that there is already, and one week's new ratings."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.speed.stages.base import Seconds, Stage, Way
from recsys.costs import costs_of_run
from recsys.db.connect import connect
from recsys.request import RunRequest
from recsys.run import run_week
from recsys.settings import Settings
from recsys.week import WeekPlan

OURS = "run_week"


class WholeWeek(Stage):
    """One figure, and what each step of it costs, by recipe and shard where there are several of a
    kind.
    """

    name = "week"
    title = "the whole week: popularity, ALS, kNN; no hybrid"
    ours = OURS
    has_parts = True

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        yield ()

    def measure(self, rounds: int) -> Seconds:
        """Once, whatever the rounds: nothing stands beside it, and what it fits is fitted anew."""
        ground = self.ground
        with (
            ground.databases.clone(ground.filled, ground.name(self.name)) as name,
            TemporaryDirectory(dir=ground.folder) as store,
        ):
            settings = ground.settings(name, ground.zones.full, Path(store))
            started = time.perf_counter()
            week = self.run(settings, ground.zones.dates[1])
            seconds = time.perf_counter() - started
            costs = costs_by_step(settings, week)
        peaks = {step: cost.peak_bytes for step, cost in costs.items()}
        self.peaks = {OURS: max(peaks.values()), **peaks}
        return {OURS: [seconds], **{step: [costs[step].seconds] for step in costs}}

    def run(self, settings: Settings, as_of: date) -> WeekPlan:
        """Run the week; return its plan."""
        return run_week(settings, RunRequest(as_of=as_of, run_id=OURS))


def costs_by_step(settings: Settings, week: WeekPlan) -> dict[str, Any]:
    """Return the costs of the week's steps, each with its recipe or shard."""
    with connect(settings) as conn:
        costs = costs_of_run(conn, week.as_of, OURS)
    return {f"{cost.step} {cost.part}".rstrip(): cost for cost in costs}
