"""A whole ordinary week: all that there is already, and one week's new ratings."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.speed.stages.base import Seconds, Stage, Way
from recsys import pipeline

OURS = "run_week"


class WholeWeek(Stage):
    """One figure, and the seconds of each step, those of one name added up."""

    name = "week"
    title = "the whole week: popularity, ALS, kNN; no hybrid"
    ours = OURS

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        yield ()

    def measure(self, rounds: int) -> Seconds:
        """Once, whatever the rounds: nothing stands beside it, and what it fits is fitted anew."""
        ground = self.ground
        steps: dict[str, float] = {}

        def told(step: str, seconds: float | None) -> None:
            steps[step] = steps.get(step, 0.0) + (seconds or 0.0)

        with ground.databases.clone(ground.filled, ground.name("week")) as name, TemporaryDirectory(dir=ground.folder) as store:
            settings = ground.settings(name, ground.zones.full, Path(store))
            started = time.perf_counter()
            pipeline.run_week(settings, as_of=ground.zones.dates[1], told=told)
            whole = time.perf_counter() - started
        return {OURS: [whole], **{step: [seconds] for step, seconds in steps.items()}}
