"""Measure what has not been measured: protocol by protocol, recipe by recipe, seed by seed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import NamedTuple

from bench.harness.journal import Journal, now
from bench.harness.sources import digest_of, digest_of_parts
from bench.quality.contenders import Contender
from bench.quality.measurement import Measurement
from bench.quality.protocols.base import Protocol
from recsys.errors import RecsysError
from recsys.registry.fit_key import code_version

#: What decides a measurement beside the code that a fit key covers; how it is shown does not.
SOURCES = (
    "bench/quality/protocols/*.py",
    "recsys/dataset.py",
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

    def fail(self, reason: str) -> None:
        """Keep the reason alone: figures of some seeds are none of all."""
        self.failed = reason
        self.measurements = []

    def values(self, metric: str) -> list[float]:
        return [each.metrics[metric] for each in self.measurements]

    def mean(self, metric: str) -> float:
        return mean(self.values(metric))

    def spread(self, metric: str) -> float:
        """Standard deviation over the seeds; 0 for a single measurement."""
        return stdev(self.values(metric)) if len(self.measurements) > 1 else 0.0

    @property
    def seconds(self) -> float:
        """A fit's, where the protocol says, else a measurement's: the mean over seeds."""
        return mean(each.metrics.get("fit seconds", each.seconds) for each in self.measurements)


def jobs_of(protocol: Protocol, who: Sequence[Contender]) -> list[Job]:
    return [
        Job(protocol, contender, seed)
        for contender in who
        for seed in contender.seeds(protocol.split_by_seed)
    ]


def rows_of(
    jobs: Sequence[Job],
    journal: Journal[Measurement],
    on_measured: Callable[[Job, Measurement, bool], object],
) -> list[Row]:
    """Return a row for each protocol and contender, in order. `on_measured` is called with each
    measurement, and whether it was made now.

    A recipe that cannot be fitted leaves its row without measurements, and the others go on.
    """
    rows: dict[tuple[str, str], Row] = {}
    for job in jobs:
        name, label = job.protocol.name, job.contender.label
        row = rows.setdefault((name, label), Row(name, job.contender))
        if row.failed:
            continue
        try:
            measurement, made_now = once(job, journal)
        except RecsysError as error:
            row.fail(str(error))
        else:
            row.measurements.append(measurement)
            on_measured(job, measurement, made_now)
    return list(rows.values())


def once(job: Job, journal: Journal[Measurement]) -> tuple[Measurement, bool]:
    """Return the measurement, and whether it was made now."""
    key = measurement_key(job)
    return journal.find_or_make(key, lambda: measure(job, key))


def measure(job: Job, key: str) -> Measurement:
    started = time.perf_counter()
    metrics = job.protocol.measure(job.contender.recipe, job.seed)
    return Measurement(
        key=key,
        protocol=job.protocol.name,
        label=job.contender.label,
        recipe=job.contender.recipe.to_json(),
        seed=job.seed,
        metrics=metrics,
        seconds=time.perf_counter() - started,
        measured_at=now(),
    )


def measurement_key(job: Job) -> str:
    """Return a digest of protocol, recipe, seed, code, the files' bytes, and how the seed's models
    compute.
    """
    return digest_of_parts(
        job.protocol.name,
        job.contender.recipe.to_json(),
        job.seed,
        code(),
        job.protocol.fingerprint(),
        str(job.protocol.fits.compute(job.seed)),
    )


def code() -> str:
    """Return a digest of the sources that decide a measurement."""
    return digest_of_parts(code_version(), digest_of(SOURCES))
