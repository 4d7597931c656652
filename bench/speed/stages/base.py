"""What every stage has: ways of doing one piece of work, ours and those that it is held against,
and the targets.
"""

import gc
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.harness.bounds import Bounded, Sense
from bench.speed.ground import Ground

#: Way, or part of one → its seconds, one a round.
Seconds = dict[str, list[float]]


@dataclass(frozen=True)
class Bound(Bounded):
    """What the time of the way `over` is allowed to be in those of the way `under`, of the same
    round.
    """

    over: str
    under: str
    sense: Sense
    value: float


@dataclass(frozen=True)
class Way:
    """`run` is timed, and given what `ready` returned for the round, which is not."""

    label: str
    run: Callable[[Any], object]
    ready: Callable[[int], Any] = lambda _round: None


class Stage(ABC):
    """`ours` is the label of the project's own way; other ways are references."""

    name: ClassVar[str]
    title: ClassVar[str]
    ours: ClassVar[str]
    bounds: ClassVar[tuple[Bound, ...]] = ()
    has_parts: ClassVar[bool] = False  # whether the other ways are parts of ours

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        #: Way, or part of one → the most bytes that this process had resident meanwhile, where that
        #: was measured.
        self.peaks: dict[str, int] = {}
        #: Way → the share of what is exactly right that it finds, where it may miss some.
        self.recalls: dict[str, float] = {}

    @contextmanager
    @abstractmethod
    def ways(self) -> Iterator[Sequence[Way]]:
        """The ways, for as long as what they need is there."""
        yield ()

    def lacks(self) -> str:
        """What is needed and not there."""
        return ""

    def measure(self, rounds: int) -> Seconds:
        """Each way's seconds in each round."""
        with self.ways() as ways:
            return time_rounds(ways, rounds)


def time_rounds(ways: Sequence[Way], rounds: int) -> Seconds:
    """All ways in turn, round by round; another begins each round, so that none always finds the
    caches of the same one.
    """
    seconds: Seconds = {way.label: [] for way in ways}
    for number in range(rounds):
        start = number % len(ways)
        for way in (*ways[start:], *ways[:start]):
            given = way.ready(number)
            gc.collect()
            started = time.perf_counter()
            way.run(given)
            seconds[way.label].append(time.perf_counter() - started)
    return seconds
