"""Measure what has not been measured: protocol by protocol, recipe by recipe, seed by seed."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from bench.quality.contenders import Contender
from bench.quality.journal import Journal, Measurement
from bench.quality.protocols.base import Protocol
from recsys.errors import RecsysError
from recsys.registry.fit_key import code_version

ROOT = Path(__file__).parents[2]
#: What decides a measurement beside the code that a fit key covers; how it is shown does not.
SOURCES = (
    "bench/quality/protocols",
    "bench/quality/files.py",
    "bench/quality/references.py",
    "recsys/exam.py",
)


class Job(NamedTuple):
    protocol: Protocol
    contender: Contender
    seed: int


@dataclass
class Row:
    """A contender's measurements in a protocol, one a seed; `failed` says why one could not be
    made.
    """

    protocol: str
    contender: Contender
    measurements: list[Measurement] = field(default_factory=list)
    failed: str = ""

    def values(self, metric: str) -> list[float]:
        return [found.metrics[metric] for found in self.measurements]

    def mean(self, metric: str) -> float:
        return mean(self.values(metric))

    def spread(self, metric: str) -> float:
        """Standard deviation over the seeds; 0 for a single measurement."""
        return stdev(self.values(metric)) if len(self.measurements) > 1 else 0.0

    @property
    def seconds(self) -> float:
        """A fit's, where the protocol says, else a measurement's: the mean over seeds."""
        return mean(found.metrics.get("fit seconds", found.seconds) for found in self.measurements)


def jobs_of(protocol: Protocol, who: Sequence[Contender]) -> list[Job]:
    return [
        Job(protocol, contender, seed)
        for contender in who
        for seed in contender.seeds(protocol.split_by_seed)
    ]


def rows_of(
    jobs: Sequence[Job], journal: Journal, on_measured: Callable[[Job, Measurement, bool], None]
) -> list[Row]:
    """A row for each protocol and contender, in order. `on_measured` is told each measurement, and
    whether it was made now.

    A recipe that cannot be fitted leaves its row without measurements, and the others go on.
    """
    rows: dict[tuple[str, str], Row] = {}
    for job in jobs:
        row = rows.setdefault(
            (job.protocol.name, job.contender.label), Row(job.protocol.name, job.contender)
        )
        if row.failed:
            continue
        try:
            found, made_now = once(job, journal)
        except RecsysError as error:
            row.failed, row.measurements = str(error), []
            continue
        row.measurements.append(found)
        on_measured(job, found, made_now)
    return list(rows.values())


def once(job: Job, journal: Journal) -> tuple[Measurement, bool]:
    """The measurement, and whether it was made now."""
    key = measurement_key(job)
    found = journal.find(key)
    if found:
        return found, False
    started = time.perf_counter()
    metrics = job.protocol.measure(job.contender.recipe, job.seed)
    made = Measurement(
        key=key,
        protocol=job.protocol.name,
        label=job.contender.label,
        recipe=job.contender.recipe.to_json(),
        seed=job.seed,
        metrics=metrics,
        seconds=time.perf_counter() - started,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    journal.add(made)
    return made, True


def measurement_key(job: Job) -> str:
    """Hex digest of protocol, recipe, seed, code, the files' bytes, and how the seed's models
    compute.
    """
    compute = job.protocol.fits.compute(job.seed)
    parts = (
        job.protocol.name,
        job.contender.recipe.to_json(),
        job.seed,
        code(),
        job.protocol.fingerprint(),
        str(compute),
    )
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def code() -> str:
    """Hex digest of the sources that decide a measurement."""
    digest = hashlib.sha256(code_version().encode())
    for path in _sources():
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for name in SOURCES:
        yield from sorted((ROOT / name).rglob("*.py")) if (ROOT / name).is_dir() else [ROOT / name]
