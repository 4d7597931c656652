"""Measure what has not been measured: stage by stage, each with its references in the same run."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from bench.speed.code import code
from bench.speed.journal import Journal, Measurement
from bench.speed.scale import Scale
from bench.speed.stages.base import Stage
from recsys.errors import RecsysError

#: Hears of a stage as it begins, and of its measurement: made now, or kept from an earlier call.
Told = Callable[[Stage, Measurement | None, Literal["begins", "made", "kept"]], None]


@dataclass(frozen=True)
class Row:
    """A stage with its measurement; `failed` says why there is none."""

    stage: Stage
    measurement: Measurement | None = None
    failed: str = ""


def rows_of(stages: Sequence[Stage], rounds: int, journal: Journal, told: Told) -> list[Row]:
    """A row for each stage, in order. What cannot be measured leaves the others alone."""
    return [_row(stage, rounds, journal, told) for stage in stages]


def _row(stage: Stage, rounds: int, journal: Journal, told: Told) -> Row:
    if lacking := stage.lacks():
        return Row(stage, failed=f"lacks {lacking}")
    key = measurement_key(stage, rounds)
    found = journal.find(key)
    if found:
        told(stage, found, "kept")
        return Row(stage, found)
    told(stage, None, "begins")
    scale = stage.ground.scale
    try:
        seconds = stage.measure(rounds)
    except RecsysError as error:
        return Row(stage, failed=str(error))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = Measurement(
        key, stage.name, scale.name, scale.ratings, cpus(), seconds, now, stage.peaks
    )
    journal.add(made)
    told(stage, made, "made")
    return Row(stage, made)


def measurement_key(stage: Stage, rounds: int) -> str:
    """Hex digest of the stage, the scale, the rounds, the code, and the number of processors."""
    scale: Scale = stage.ground.scale
    parts = (stage.name, scale.name, asdict(scale.release), rounds, code(), cpus())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
