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
        databases = self.ground.databases
        with (
            databases.clone(self.ground.filled, self.full),
            databases.clone(self.ground.unrated, self.empty),
        ):
            yield [Way(OURS, ingest, self.into_full), Way(EMPTY, ingest, self.into_empty)]

    @property
    def full(self) -> str:
        return self.ground.name("delta_full")

    @property
    def empty(self) -> str:
        return self.ground.name("delta_empty")

    def into_full(self, number: int) -> "Prepared":
        self.ground.databases.settle()
        return self.resolve(self.ground.settings(self.full, self.ground.zones.full), number)

    def into_empty(self, number: int) -> "Prepared":
        self.ground.databases.renew(self.ground.unrated, self.empty)
        zone = self.ground.zones.empty[number]
        return self.resolve(self.ground.settings(self.empty, zone), number)

    def resolve(self, settings: Settings, number: int) -> "Prepared":
        """Return the settings, and the week of a round's delta."""
        request = RunRequest(as_of=self.ground.zones.dates[number + 1])
        return settings, run_step(settings, "resolve_week", request)


Prepared = tuple[Settings, WeekPlan]


def ingest(prepared: Prepared) -> None:
    settings, week = prepared
    run_step(settings, "ingest_drops", week)
