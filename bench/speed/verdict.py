"""Whether a stage stands near enough to its reference."""

from dataclasses import dataclass
from statistics import median

from bench.speed.measurement import Measurement
from bench.speed.measuring import Row
from bench.speed.stages.base import Bound


@dataclass(frozen=True)
class Verdict:
    """`ratios` are those of the rounds, none where the stage was not measured. Their median
    decides.
    """

    stage: str
    bound: Bound
    ratios: tuple[float, ...]

    @property
    def met(self) -> bool:
        """Whether the target is met; without a measurement it is missed."""
        return bool(self.ratios) and self.bound.holds(median(self.ratios))


def verdicts_of(row: Row) -> list[Verdict]:
    """One for each of the stage's bounds."""
    return [
        Verdict(row.stage.name, bound, ratios_of(row.measurement, bound))
        for bound in row.stage.bounds
    ]


def ratios_of(measurement: Measurement | None, bound: Bound) -> tuple[float, ...]:
    """Within a round, where both ways stood beside each other."""
    if measurement is None:
        return ()
    over, under = measurement.seconds[bound.over], measurement.seconds[bound.under]
    return tuple(a / b for a, b in zip(over, under, strict=True))
