"""Whether a target is met."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.quality.measuring import Row
from bench.quality.published import Bound, Target
from recsys.models import COMPETING

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
    """Return a target's verdict; without a measurement it is missed."""
    rivals = [row for row in rows if row.measurements and competes(row, target)]
    rivals.sort(key=lambda row: closeness(target, row))
    if not rivals:
        return Verdict(target, None, met=False, reason="not measured")
    if target.who == "each default":
        return judge_each(target, rivals)
    return Verdict(target, rivals[-1], keeps_all(target, rivals[-1]))


def judge_each(target: Target, rivals: Sequence[Row]) -> Verdict:
    """Return the verdict where every default recipe must keep the bounds."""
    unmeasured = sorted(set(COMPETING) - {FLOOR} - {row.contender.label for row in rivals})
    if unmeasured:
        reason = f"not measured: {', '.join(unmeasured)}"
        return Verdict(target, rivals[0], met=False, reason=reason)
    return Verdict(target, rivals[0], all(keeps_all(target, row) for row in rivals))


def competes(row: Row, target: Target) -> bool:
    contender = row.contender
    if row.protocol != target.protocol or contender.kind == "reference":
        return False
    if target.who == "each default":
        is_rival = contender.label in COMPETING and contender.label != FLOOR
        return contender.kind == "default" and is_rival
    if target.who == "single":
        return contender.recipe.name != "blend"
    return target.who in ("any", contender.label)


def closeness(target: Target, row: Row) -> tuple[int, float]:
    """Return how many bounds are kept, then how good the first one's value is."""
    first = target.bounds[0]
    value = decisive(first, row)
    return sum(keeps(bound, row) for bound in target.bounds), (
        -value if first.sense == "≤" else value
    )


def keeps_all(target: Target, row: Row) -> bool:
    return all(keeps(bound, row) for bound in target.bounds)


def keeps(bound: Bound, row: Row) -> bool:
    return bound.holds(decisive(bound, row))


def decisive(bound: Bound, row: Row) -> float:
    """Return the mean over seeds, or the value of the seed that is furthest off."""
    if not bound.every_seed:
        return row.mean(bound.metric)
    return (max if bound.sense == "≤" else min)(row.values(bound.metric))
