"""Who is champion from now on. Pure: what an exam said in, a verdict with its reasons out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys.errors import LedgerError
from recsys.evaluation.comparison import paired_bootstrap

Outcome = Literal["promoted", "kept", "first", "popularity"]


@dataclass(frozen=True)
class Marks:
    """NDCG@10 (D,) of one model for the users (D,) ids that decide."""

    user_ids: np.ndarray
    ndcg: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.ndcg.mean(dtype=np.float64)) if len(self.ndcg) else 0.0


@dataclass(frozen=True)
class Comparison:
    """Mean of the challenger's per-user marks less those of `against`, with its 95% bootstrap interval."""

    challenger: str
    against: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Decision:
    """`outcome`: a challenger was "promoted", the incumbent "kept", a "first" champion found, or none beat "popularity"."""

    champion_key: str
    outcome: Outcome
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """What was settled before anyone sat the exam. `margin` is in NDCG@10."""

    margin: float
    resamples: int
    seed: int


def decide(
    marks: Mapping[str, Marks], *, incumbent: str | None, popularity: str, margin: float, resamples: int, seed: int
) -> Decision:
    """The champion among the recipe keys of `marks`, all marked on the same users.

    The best challenger, popularity among them, replaces the incumbent only when the lower end of the paired bootstrap's interval
    is above `margin`, and never when its mean is below popularity's. Without an incumbent the best recipe whose mean beats
    popularity's is the first champion, and where none does, popularity itself. Raises LedgerError where a key has no marks or the
    users differ.
    """
    _check(marks, [popularity] if incumbent is None else [popularity, incumbent])
    rule = Rule(margin, resamples, seed)
    if incumbent is None:
        return _first(marks, popularity, rule)
    return _defended(marks, incumbent, popularity, rule)


def _check(marks: Mapping[str, Marks], needed: list[str]) -> None:
    for key in needed:
        if key not in marks:
            raise LedgerError(f"the exam has no marks of {key}: found {', '.join(sorted(marks)) or 'none'}")
    expected = marks[needed[0]].user_ids
    for key, of_key in marks.items():
        if len(of_key.ndcg) != len(of_key.user_ids):
            raise LedgerError(f"the exam marked {key} on {len(of_key.ndcg):,} users, expected {len(of_key.user_ids):,}")
        if not np.array_equal(of_key.user_ids, expected):
            raise LedgerError(
                f"{key} sat the exam with other users than {needed[0]}: {len(of_key.user_ids):,} and {len(expected):,}"
            )


def _first(marks: Mapping[str, Marks], popularity: str, rule: Rule) -> Decision:
    challengers = [key for key in marks if key != popularity]
    best = _best(marks, challengers)
    if best is None:
        reason = f"There is no champion yet and nothing to compare with popularity, so {popularity} is champion."
        return Decision(popularity, "popularity", (), (reason,))
    comparison = _compare(marks, best, popularity, rule)
    against = _sentence(marks, comparison, "popularity")
    if marks[best].mean > marks[popularity].mean:
        reason = f"There is no champion yet and {best} has the highest mean, above popularity's, so it is the first."
        return Decision(best, "first", (comparison,), (against, reason))
    reason = f"There is no champion yet and no recipe beats popularity's mean, so {popularity} itself is champion."
    return Decision(popularity, "popularity", (comparison,), (against, reason))


def _defended(marks: Mapping[str, Marks], incumbent: str, popularity: str, rule: Rule) -> Decision:
    floor = marks[popularity].mean
    challengers = [key for key in marks if key != incumbent and marks[key].mean >= floor]
    best = _best(marks, challengers)
    state = _incumbents_state(marks, incumbent, popularity)
    if best is None:
        reason = f"No challenger reaches popularity's mean NDCG@10 of {floor:.4f}, so {incumbent} is kept."
        return Decision(incumbent, "kept", (), (*state, reason))
    comparison = _compare(marks, best, incumbent, rule)
    against = _sentence(marks, comparison, "the incumbent")
    if comparison.low > rule.margin:
        reason = f"The interval's lower end is above the margin of {rule.margin:.4f}, so {best} is promoted."
        return Decision(best, "promoted", (comparison,), (*state, against, reason))
    reason = f"The interval's lower end is not above the margin of {rule.margin:.4f}, so {incumbent} is kept."
    return Decision(incumbent, "kept", (comparison,), (*state, against, reason))


def _incumbents_state(marks: Mapping[str, Marks], incumbent: str, popularity: str) -> tuple[str, ...]:
    """A warning when the champion has come to lose to a mere list of what is popular."""
    mean, floor = marks[incumbent].mean, marks[popularity].mean
    return (f"The incumbent {incumbent} ({mean:.4f}) now loses to popularity ({floor:.4f}).",) if mean < floor else ()


def _best(marks: Mapping[str, Marks], keys: list[str]) -> str | None:
    """The key of the highest mean, ties by key; None without keys."""
    return min(keys, key=lambda key: (-marks[key].mean, key), default=None)


def _compare(marks: Mapping[str, Marks], challenger: str, against: str, rule: Rule) -> Comparison:
    """An exam that nobody decides tells no two models apart."""
    a, b = marks[challenger].ndcg, marks[against].ndcg
    if not len(a):
        return Comparison(challenger, against, mean=0.0, low=0.0, high=0.0)
    interval = paired_bootstrap(a, b, resamples=rule.resamples, seed=rule.seed)
    return Comparison(challenger, against, interval.mean, interval.low, interval.high)


def _sentence(marks: Mapping[str, Marks], result: Comparison, role: str) -> str:
    challenger, against = marks[result.challenger], marks[result.against]
    return (
        f"{result.challenger} (mean NDCG@10 {challenger.mean:.4f}) against {role} {result.against} ({against.mean:.4f}) on"
        f" {len(challenger.user_ids):,} users: {result.mean:+.4f}, 95% interval [{result.low:+.4f}, {result.high:+.4f}]."
    )
