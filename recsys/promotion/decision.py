"""Who is champion from now on. Pure: what an exam said in, a verdict with its reasons out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recsys.errors import LedgerError, ModelError
from recsys.evaluation.comparison import Interval
from recsys.promotion.approval import UNASKED, Approval
from recsys.promotion.contest import Contest
from recsys.promotion.gates import ENOUGH_EVIDENCE, EXAM_GATES
from recsys.promotion.verdict import Verdict

Outcome = Literal["promoted", "kept", "not decided", "first", "popularity"]


@dataclass(frozen=True)
class Comparison:
    """Mean of the challenger's per-user scores less those of `against`; its interval holds for all
    challengers at once.
    """

    challenger: str
    against: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Decision:
    """`outcome`: a challenger was "promoted", the incumbent "kept", nothing shown either way and so
    "not decided", a "first" champion found, or none surely beat "popularity". `users_needed` says
    how many users the next exam should have, where this one had too few.
    """

    champion_key: str
    outcome: Outcome
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[Verdict, ...]
    reasons: tuple[str, ...]
    users_needed: int | None = None
    has_defender: bool = True  # whether there is an incumbent that could be fitted

    @property
    def is_new(self) -> bool:
        """Whether it puts a recipe in the place of what was there."""
        return self.outcome in ("promoted", "first")


def decide(contest: Contest) -> Decision:
    """The champion by an exam: of the challengers that pass every gate the one with the highest
    mean, else the incumbent, else popularity. Raises LedgerError where someone's scores are missing
    or are of other users, and ModelError where popularity, which a champion must beat, could not be
    fitted.
    """
    _check(contest)
    verdicts = tuple(
        Verdict.of(key, gate, check(contest, key))
        for key in contest.challengers
        for gate, check in EXAM_GATES.items()
    )
    refused = {verdict.recipe_key for verdict in verdicts if not verdict.passed}
    winner = next((key for key in contest.challengers if key not in refused), None)
    told = (
        *_unfitted(contest),
        *_incumbents_state(contest),
        *_sentences(contest, verdicts, winner),
    )
    if winner is not None:
        outcome: Outcome = "first" if contest.incumbent is None else "promoted"
        reason = (
            f"{winner} passes every gate and is "
            f"{'the first champion' if outcome == 'first' else 'promoted'}."
        )
        defended = contest.defender is not None
        return Decision(
            winner, outcome, _comparisons(contest), verdicts, (*told, reason), has_defender=defended
        )
    if contest.defender is None:
        reason = f"No recipe passes every gate, so {contest.popularity} itself is champion."
        return Decision(
            contest.popularity,
            "popularity",
            _comparisons(contest),
            verdicts,
            (*told, reason),
            _users_needed(contest, verdicts),
            has_defender=False,
        )
    if not _lacks_evidence(contest, verdicts):
        reason = f"No challenger passes every gate, so {contest.defender} is kept."
        return Decision(contest.defender, "kept", _comparisons(contest), verdicts, (*told, reason))
    reason = (
        f"Too few users to tell, so {contest.defender} stays for now and the next exam asks for "
        "more."
    )
    needed = _users_needed(contest, verdicts)
    return Decision(
        contest.defender, "not decided", _comparisons(contest), verdicts, (*told, reason), needed
    )


def settle(
    decision: Decision,
    *,
    fallback: str,
    approval: Approval = UNASKED,
    required: bool = False,
    refused: Mapping[str, str] | None = None,
) -> Decision:
    """The decision as it stands after a person was asked and the refits were looked at. `fallback`
    is the incumbent, or popularity.

    `required`: a person must have agreed to a new champion. `refused` has what the gates said of
    each refit that did not pass, by recipe key. Raises ModelError where the fallback's is among
    them: then nothing can be published, and readers keep what they have.
    """
    refused = refused or {}
    approved = approval.answer == "approved" or (approval.answer is None and not required)
    if decision.is_new and not approved:
        decision = _falls_back(
            decision, fallback, f"{decision.champion_key} was not approved: {approval.told}."
        )
    if decision.champion_key in refused and decision.champion_key != fallback:
        key = decision.champion_key
        decision = _falls_back(
            decision, fallback, f"The refit of {key} was refused by its gates.", refused[key]
        )
    if decision.champion_key in refused:
        said = " ".join(f"{key}: {sentences}" for key, sentences in refused.items())
        raise ModelError(
            f"the refit of {decision.champion_key} was refused by its gates, and there is no other "
            f"to fall back on. {said}"
        )
    return decision


def _falls_back(decision: Decision, fallback: str, *why: str) -> Decision:
    outcome: Outcome = (
        "kept"
        if decision.has_defender and decision.outcome not in ("first", "popularity")
        else "popularity"
    )
    reasons = (
        *decision.reasons,
        *filter(None, why),
        f"So {fallback} is {'kept' if outcome == 'kept' else 'champion'}.",
    )
    return replace(decision, champion_key=fallback, outcome=outcome, reasons=reasons)


def _check(contest: Contest) -> None:
    if contest.popularity in contest.unfitted:
        raise ModelError(
            "popularity, which a champion must beat, is not among the fits. "
            f"{' '.join(_unfitted(contest))}"
        )
    needed = [contest.popularity, *([contest.defender] if contest.defender is not None else [])]
    for key in needed:
        if key not in contest.user_scores:
            raise LedgerError(
                f"the exam has no per-user scores of {key}: found "
                f"{', '.join(sorted(contest.user_scores)) or 'none'}"
            )
    expected = contest.user_scores[needed[0]].user_ids
    for key, scores in contest.user_scores.items():
        if len(scores.ndcg) != len(scores.user_ids):
            raise LedgerError(
                f"the exam evaluated {key} on {len(scores.ndcg):,} users, expected "
                f"{len(scores.user_ids):,}"
            )
        if not np.array_equal(scores.user_ids, expected):
            raise LedgerError(
                f"{key} was evaluated on other users than {needed[0]}: {len(scores.user_ids):,} "
                f"and {len(expected):,}"
            )


def _incumbents_state(contest: Contest) -> tuple[str, ...]:
    """A warning when the champion has come to lose to a mere list of what is popular."""
    if contest.defender is None:
        return ()
    mean, floor = (
        contest.user_scores[contest.defender].mean,
        contest.user_scores[contest.popularity].mean,
    )
    return (
        (f"The incumbent {contest.defender} ({mean:.4f}) now loses to popularity ({floor:.4f}).",)
        if mean < floor
        else ()
    )


def _unfitted(contest: Contest) -> tuple[str, ...]:
    """A sentence on each recipe that is not in the exam because it could not be fitted."""
    incumbent = {contest.incumbent: "The incumbent "}
    return tuple(
        f"{incumbent.get(key, '')}{key} cannot be fitted: {reason.rstrip('.')}."
        for key, reason in contest.unfitted.items()
    )


def _sentences(
    contest: Contest, verdicts: Collection[Verdict], winner: str | None
) -> tuple[str, ...]:
    """What the winner passed by, or what the best challenger was refused for."""
    shown = winner or next(iter(contest.challengers), None)
    of_it = [
        verdict
        for verdict in verdicts
        if verdict.recipe_key == shown and (winner or not verdict.passed)
    ]
    return tuple(f"{shown}, {verdict.gate}: {verdict.sentence}" for verdict in of_it)


def _lacks_evidence(contest: Contest, verdicts: Collection[Verdict]) -> Verdict | None:
    """The answer of "enough evidence" on the best challenger, where it is a refusal."""
    best = next(iter(contest.challengers), None)
    asked = ((best, ENOUGH_EVIDENCE), False)
    return next(
        (
            verdict
            for verdict in verdicts
            if ((verdict.recipe_key, verdict.gate), verdict.passed) == asked
        ),
        None,
    )


def _users_needed(contest: Contest, verdicts: Collection[Verdict]) -> int | None:
    """How many users the best challenger's case takes, where there are fewer."""
    lacking = _lacks_evidence(contest, verdicts)
    return int(lacking.bound) if lacking and lacking.bound is not None else None


def _comparisons(contest: Contest) -> tuple[Comparison, ...]:
    found = [] if contest.defender is None else _all(contest.against_incumbent, contest.defender)
    return tuple(
        found
        + (
            _all(contest.against_popularity, contest.popularity)
            if contest.popularity != contest.defender
            else []
        )
    )


def _all(leads: Mapping[str, Interval], opponent: str) -> list[Comparison]:
    return [
        Comparison(key, opponent, lead.mean, lead.low, lead.high) for key, lead in leads.items()
    ]
