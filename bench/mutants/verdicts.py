"""Whether a mutant ended as it should: what the product made of it beside what the independent
parser says.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

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


def outcome_of(mutant: Mutant, verdict: Verdict, observed: Observed | None) -> Outcome:
    """The outcome, the worst first."""
    if observed is None:
        return Outcome(
            "stopped: no answer", f"after {LIMIT_S:.0f} s, or its process ended", LIMIT_S
        )
    kind, detail = kind_of(mutant, verdict, observed)
    return Outcome(kind, detail, observed.seconds)


def kind_of(mutant: Mutant, verdict: Verdict, observed: Observed) -> tuple[str, str]:
    if observed.crash:
        return "traceback", observed.crash
    if observed.printed:
        return "printed something", observed.printed
    if observed.error or observed.state != "ingested":
        return compare_refusals(mutant, verdict, observed)
    if verdict.refused:
        return "taken in, should be refused", f"{verdict.refused}"
    return compare_acceptances(verdict, observed)


def compare_refusals(mutant: Mutant, verdict: Verdict, observed: Observed) -> tuple[str, str]:
    message = observed.error
    if any(observed.facts.values()):
        return "refused, but with facts", message
    if observed.state not in ("refused", "not registered") or not message:
        return "neither taken in nor refused", f"state {observed.state}: {message}"
    if not message.isprintable() or len(message) > LONGEST_MESSAGE:
        return "refused in unreadable words", repr(message[:LONGEST_MESSAGE])
    if mutant.damaged and not verdict.refused:
        named = any(name in message for name in mutant.stored)
        return (REFUSED_FILE, "") if named else ("refused without the file's name", message)
    if not verdict.refused:
        return "refused, should be taken in", message
    return names_place(verdict, message)


def names_place(verdict: Verdict, message: str) -> tuple[str, str]:
    """Whether the message names a file that is at fault, and its line where one line is."""
    if "" in verdict.refused:
        return (
            (REFUSED_FILE, "")
            if "no ratings file" in message
            else ("refused for another reason", message)
        )
    named = {file: why for file, why in verdict.refused.items() if file in message}
    if not named:
        return "refused without the file's name", f"{message}; expected one of {verdict.refused}"
    places = {place for why in named.values() for place in re.findall(r"line (\d+)", why)}
    said = {place.replace(",", "") for place in re.findall(r"line ([\d,]+)", message)}
    if len(places) == len(named) and not places & said:
        return "refused without the line", f"{message}; expected one of {named}"
    return (REFUSED_AT_A_LINE if said else REFUSED_FILE), ""


def compare_acceptances(verdict: Verdict, observed: Observed) -> tuple[str, str]:
    for table in sorted({*observed.facts, *verdict.facts}):
        facts = observed.facts.get(table, Counter())
        expected = verdict.facts.get(table, Counter())
        if facts != expected:
            return f"taken in, {table} differ", difference_of(expected, facts)
    missing = without(verdict.rejects, observed.rejects)
    more = without(observed.rejects, verdict.rejects)
    if missing or more:
        detail = f"not set aside: {_first(missing)}; set aside: {_first(more)}"
        return "taken in, rejects differ", detail
    if not all(reason for reason, _ in observed.rejects.values()):
        return "taken in, a reject has no reason", _first(observed.rejects)
    if +Counter(observed.read) != +Counter(verdict.read):
        return "taken in, counts differ", f"read {observed.read}, expected {verdict.read}"
    return (TAKEN_WITH_REJECTS if observed.rejects else TAKEN), ""


def without(rejects: Mapping, others: Mapping) -> dict:
    """The rejects of places at which the others have none."""
    return {place: reject for place, reject in rejects.items() if place not in others}


def difference_of(expected: Counter[tuple], found: Counter[tuple]) -> str:
    missing, more = expected - found, found - expected
    return f"{missing.total()} missing: {_first(missing)}; {more.total()} too many: {_first(more)}"


def _first(what: object) -> str:
    return repr(what)[:1_000]
