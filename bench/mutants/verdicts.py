"""Whether a mutant ended as it should: what the product made of it beside what the independent
parser says.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bench.mutants.independent import Verdict
from bench.mutants.mutant import Mutant
from bench.mutants.worker import Observed

LIMIT_S = 60.0
LONGEST_MESSAGE = 1_500

TAKEN, TAKEN_WITH_REJECTS = "taken in, agrees", "taken in, agrees, bad rows set aside"
REFUSED_AT_A_LINE, REFUSED_FILE = "refused with file and line", "refused with file"
GOOD = (TAKEN, TAKEN_WITH_REJECTS, REFUSED_AT_A_LINE, REFUSED_FILE)


@dataclass(frozen=True)
class Outcome:
    """How a mutant ended; `detail` says more where it ended badly."""

    kind: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.kind in GOOD


class Ending(NamedTuple):
    """How a mutant ended, and more where it ended badly."""

    kind: str
    detail: str = ""


def outcome_of(mutant: Mutant, verdict: Verdict, observed: Observed | None) -> Outcome:
    """Return the outcome, the worst first."""
    if observed is None:
        detail = f"after {LIMIT_S:.0f} s, or its process ended"
        return Outcome("stopped: no answer", detail, LIMIT_S)
    ending = ending_of(mutant, verdict, observed)
    return Outcome(*ending, observed.seconds)


def ending_of(mutant: Mutant, verdict: Verdict, observed: Observed) -> Ending:
    if observed.crash:
        return Ending("traceback", observed.crash)
    if observed.printed:
        return Ending("printed something", observed.printed)
    if observed.error or observed.state != "ingested":
        return compare_refusals(mutant, verdict, observed)
    if verdict.refused:
        return Ending("taken in, should be refused", f"{verdict.refused}")
    return compare_acceptances(verdict, observed)


def compare_refusals(mutant: Mutant, verdict: Verdict, observed: Observed) -> Ending:
    unsound = unsound_refusal(observed)
    if unsound:
        return unsound
    if verdict.refused:
        return compare_places(verdict.refused, observed.error)
    if not mutant.damaged:
        return Ending("refused, should be taken in", observed.error)
    if any(name in observed.error for name in mutant.stored):
        return Ending(REFUSED_FILE)
    return Ending("refused without the file's name", observed.error)


def unsound_refusal(observed: Observed) -> Ending | None:
    """Return what no refusal may be, whatever was expected."""
    message = observed.error
    if any(observed.facts.values()):
        return Ending("refused, but with facts", message)
    if observed.state not in ("refused", "not registered") or not message:
        return Ending("neither taken in nor refused", f"state {observed.state}: {message}")
    if not message.isprintable() or len(message) > LONGEST_MESSAGE:
        return Ending("refused in unreadable words", repr(message[:LONGEST_MESSAGE]))
    return None


def compare_places(refused: Mapping[str, str], message: str) -> Ending:
    """Return whether the message names a file that is at fault, and its line where one line is."""
    if "" in refused:
        is_right = "no ratings file" in message
        return Ending(REFUSED_FILE) if is_right else Ending("refused for another reason", message)
    named = {file: reason for file, reason in refused.items() if file in message}
    if not named:
        detail = f"{message}; expected one of {refused}"
        return Ending("refused without the file's name", detail)
    return compare_lines(named, message)


def compare_lines(reasons: Mapping[str, str], message: str) -> Ending:
    """Return whether the message names a line of these reasons, where each is about one."""
    expected = lines_in(" ".join(reasons.values()))
    lines = lines_in(message)
    if len(expected) == len(reasons) and not expected & lines:
        return Ending("refused without the line", f"{message}; expected one of {reasons}")
    return Ending(REFUSED_AT_A_LINE if lines else REFUSED_FILE)


def lines_in(text: str) -> set[str]:
    return {number.replace(",", "") for number in re.findall(r"line ([\d,]+)", text)}


def compare_acceptances(verdict: Verdict, observed: Observed) -> Ending:
    return (
        differing_facts(verdict, observed)
        or differing_rejects(verdict, observed)
        or differing_counts(verdict, observed)
        or Ending(TAKEN_WITH_REJECTS if observed.rejects else TAKEN)
    )


def differing_facts(verdict: Verdict, observed: Observed) -> Ending | None:
    for table in sorted({*observed.facts, *verdict.facts}):
        facts = observed.facts.get(table, Counter())
        expected = verdict.facts.get(table, Counter())
        if facts != expected:
            return Ending(f"taken in, {table} differ", difference_of(expected, facts))
    return None


def differing_rejects(verdict: Verdict, observed: Observed) -> Ending | None:
    missing = without(verdict.rejects, observed.rejects)
    more = without(observed.rejects, verdict.rejects)
    if missing or more:
        detail = f"not set aside: {shorten(missing)}; set aside: {shorten(more)}"
        return Ending("taken in, rejects differ", detail)
    if not all(reason for reason, _ in observed.rejects.values()):
        return Ending("taken in, a reject has no reason", shorten(observed.rejects))
    return None


def differing_counts(verdict: Verdict, observed: Observed) -> Ending | None:
    if +Counter(observed.read) == +Counter(verdict.read):
        return None
    detail = f"read {observed.read}, expected {verdict.read}"
    return Ending("taken in, counts differ", detail)


def without(rejects: Mapping, others: Mapping) -> dict:
    """Return the rejects of places at which the others have none."""
    return {place: reject for place, reject in rejects.items() if place not in others}


def difference_of(expected: Counter[tuple], facts: Counter[tuple]) -> str:
    missing = expected - facts
    more = facts - expected
    return (
        f"{missing.total()} missing: {shorten(missing)}; {more.total()} too many: {shorten(more)}"
    )


def shorten(values: object) -> str:
    return repr(values)[:1_000]
