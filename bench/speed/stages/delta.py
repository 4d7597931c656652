"""A week's new ratings taken into a full table, beside the same into an empty one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.speed.stages.base import Bound, Stage, Way
from recsys.request import RunRequest
from recsys.run import run_step
from recsys.settings import Settings
from recsys.week import WeekPlan

OURS, EMPTY = "delta into the full table", "delta into an empty table"


class Delta(Stage):
    """Each round takes another delta: the full table has them in one after another, the empty one
    is emptied each time.
    """

    name = "delta"
    title = "ingest of a week's new ratings, 1 in 200 of what is there"
    ours = OURS
    bounds = (Bound(OURS, EMPTY, "≤", 3),)

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        ground = self.ground
        zones, unrated = ground.zones, ground.unrated
        full, empty = ground.name("delta_full"), ground.name("delta_empty")

        def resolve(settings: Settings, number: int) -> tuple[Settings, WeekPlan]:
            request = RunRequest(as_of=zones.dates[number + 1])
            return settings, run_step(settings, "resolve_week", request)

        def into_full(number: int) -> tuple[Settings, WeekPlan]:
            ground.databases.settle()
            return resolve(ground.settings(full, zones.full), number)

        def into_empty(number: int) -> tuple[Settings, WeekPlan]:
            ground.databases.renew(unrated, empty)
            return resolve(ground.settings(empty, zones.empty[number]), number)

        with ground.databases.clone(ground.filled, full), ground.databases.clone(unrated, empty):
            yield [Way(OURS, ingest, into_full), Way(EMPTY, ingest, into_empty)]


def ingest(prepared: tuple[Settings, WeekPlan]) -> None:
    settings, week = prepared
    run_step(settings, "ingest_drops", week)
