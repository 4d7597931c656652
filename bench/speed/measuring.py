"""Measure what has not been measured: stage by stage, each with its references in the same run."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from bench.harness.journal import Journal, now
from bench.harness.sources import digest_of, digest_of_parts
from bench.speed.measurement import Measurement
from bench.speed.sources import ALL
from bench.speed.stages.base import Stage
from recsys.errors import RecsysError


@dataclass(frozen=True)
class Row:
    """A stage with its measurement; `failed` says why there is none."""

    stage: Stage
    measurement: Measurement | None = None
    failed: str = ""


@dataclass(frozen=True)
class Listener:
    """`begin` hears of each stage before it is measured, `end` of its measurement and whether it
    was made now.
    """

    begin: Callable[[Stage], object] = lambda stage: None
    end: Callable[[Stage, Measurement, bool], object] = lambda stage, measurement, made_now: None


def rows_of(
    stages: Sequence[Stage],
    rounds: int,
    journal: Journal[Measurement],
    listener: Listener = Listener(),
) -> list[Row]:
    """Return a row for each stage, in order. What cannot be measured leaves the others alone."""
    return [row_of(stage, rounds, journal, listener) for stage in stages]


def row_of(stage: Stage, rounds: int, journal: Journal[Measurement], listener: Listener) -> Row:
    lacking = stage.lacks()
    if lacking:
        return Row(stage, failed=f"lacks {lacking}")
    listener.begin(stage)
    key = measurement_key(stage, rounds)
    try:
        measurement, made_now = journal.find_or_make(key, lambda: measure(stage, rounds, key))
    except RecsysError as error:
        return Row(stage, failed=str(error))
    listener.end(stage, measurement, made_now)
    return Row(stage, measurement)


def measure(stage: Stage, rounds: int, key: str) -> Measurement:
    scale = stage.ground.scale
    seconds = stage.measure(rounds)
    return Measurement(
        key=key,
        stage=stage.name,
        scale=scale.name,
        ratings=scale.ratings,
        cpus=cpus(),
        seconds=seconds,
        measured_at=now(),
        peaks=stage.peaks,
        recalls=stage.recalls,
    )


def measurement_key(stage: Stage, rounds: int) -> str:
    """Return a digest of the stage, the scale, the rounds, the code, and how many processors."""
    scale = stage.ground.scale
    return digest_of_parts(
        stage.name, scale.name, asdict(scale.release), rounds, digest_of(ALL), cpus()
    )


def cpus() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
