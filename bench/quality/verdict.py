"""Whether a target is met."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.quality.measuring import Row
from bench.quality.published import Bound, Target
from recsys.models import MODELS

FLOOR = "popularity"


@dataclass(frozen=True)
class Verdict:
    """`row` is the one that decided: the best, or for "each default" the worst; None where there is
    nothing to judge.
    """

    target: Target
    row: Row | None
    met: bool
    reason: str = ""


def judge(target: Target, rows: Sequence[Row]) -> Verdict:
    """A target without a measurement is missed."""
    asked = [row for row in rows if row.protocol == target.protocol and _is_asked(target.who, row)]
    measured = sorted(
        (row for row in asked if row.measurements), key=lambda row: _closeness(target, row)
    )
    if not measured:
        return Verdict(target, None, met=False, reason="not measured")
    if target.who == "each default":
        unmeasured = sorted(set(MODELS) - {FLOOR} - {row.contender.label for row in measured})
        met = not unmeasured and all(_keeps(target, row) for row in measured)
        return Verdict(
            target, measured[0], met, f"not measured: {', '.join(unmeasured)}" if unmeasured else ""
        )
    return Verdict(target, measured[-1], _keeps(target, measured[-1]))


def _is_asked(who: str, row: Row) -> bool:
    contender = row.contender
    if contender.kind == "reference":
        return False
    if who == "each default":
        return contender.kind == "default" and contender.label != FLOOR
    if who == "single":
        return contender.recipe.name != "blend"
    return who in ("any", contender.label)


def _closeness(target: Target, row: Row) -> tuple[int, float]:
    """How many bounds are kept, then how good the first one's value is."""
    first = target.bounds[0]
    value = decisive(first, row)
    return sum(
        keeps(bound, row) for bound in target.bounds
    ), -value if first.sense == "≤" else value


def _keeps(target: Target, row: Row) -> bool:
    return all(keeps(bound, row) for bound in target.bounds)


def decisive(bound: Bound, row: Row) -> float:
    """The mean over seeds, or the seed's that is furthest off."""
    if not bound.every_seed:
        return row.mean(bound.metric)
    return (max if bound.sense == "≤" else min)(row.values(bound.metric))


def keeps(bound: Bound, row: Row) -> bool:
    value = decisive(bound, row)
    return {"≥": value >= bound.value, ">": value > bound.value, "≤": value <= bound.value}[
        bound.sense
    ]
