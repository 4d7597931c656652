"""Whether a stage stands near enough to its reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.speed.journal import Measurement
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
        """A target without a measurement is missed."""
        if not self.ratios:
            return False
        ratio = median(self.ratios)
        return ratio <= self.bound.value if self.bound.sense == "≤" else ratio >= self.bound.value


def verdicts_of(row: Row) -> list[Verdict]:
    """One for each of the stage's bounds."""
    return [
        Verdict(row.stage.name, bound, _ratios(row.measurement, bound))
        for bound in row.stage.bounds
    ]


def _ratios(measurement: Measurement | None, bound: Bound) -> tuple[float, ...]:
    """Within a round, where both ways stood beside each other."""
    if measurement is None:
        return ()
    over, under = measurement.seconds[bound.over], measurement.seconds[bound.under]
    return tuple(a / b for a, b in zip(over, under, strict=True))


def missed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if not verdict.met]
