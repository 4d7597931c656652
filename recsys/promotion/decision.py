"""Who is champion from now on. Pure: what an exam said in, a decision with its reasons out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

from recsys.errors import LedgerError, ModelError
from recsys.evaluation.comparison import Interval
from recsys.promotion.approval import UNASKED, Approval
from recsys.promotion.contest import Contest
from recsys.promotion.gates import ENOUGH_EVIDENCE, EXAM_GATES
from recsys.promotion.verdict import Verdict

Outcome = Literal["promoted", "kept", "not decided", "first", "popularity"]
#: Of a decision as JSON; a renamed or removed field makes another.
FORM = 1


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
    "not decided", a "first" champion, or none surely beat "popularity". `users_needed` says how
    many users the next exam should have, where this one had too few.
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

    def to_json(self) -> dict[str, Any]:
        """Return a value that `from_json` reads, with the version of its form."""
        verdicts = [verdict.to_json() for verdict in self.verdicts]
        return {"form": FORM, **asdict(self), "verdicts": verdicts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned. Raises LedgerError for a form of other code."""
        if value.get("form") != FORM:
            raise LedgerError(
                f"the decision was stored by other code: found form {value.get('form')}, expected "
                f"{FORM}; run propose_champion again"
            )
        values = {name: field for name, field in value.items() if name != "form"}
        values["comparisons"] = tuple(comparison_of(each) for each in value["comparisons"])
        values["verdicts"] = tuple(Verdict.from_json(each) for each in value["verdicts"])
        values["reasons"] = tuple(value["reasons"])
        return cls(**values)

    def falls_back(self, fallback: str, *why: str) -> Self:
        """Return the decision for the incumbent, or popularity, in place of its own champion."""
        is_kept = self.has_defender and self.outcome not in ("first", "popularity")
        end = f"So {fallback} is {'kept' if is_kept else 'champion'}."
        reasons = (*self.reasons, *filter(None, why), end)
        outcome: Outcome = "kept" if is_kept else "popularity"
        return replace(self, champion_key=fallback, outcome=outcome, reasons=reasons)


def decide(contest: Contest) -> Decision:
    """Return the champion by an exam, with reasons.

    Of the challengers that pass every gate it is the one with the highest mean, else the incumbent,
    else popularity. Raises LedgerError where someone's scores are missing or are of other users,
    and ModelError where popularity, which a champion must beat, could not be fitted.
    """
    check_contest(contest)
    gated = GatedContest(contest)
    if gated.winner is not None:
        return gated.crowned(gated.winner)
    if contest.defender is None:
        reason = f"No recipe passes every gate, so {contest.popularity} itself is champion."
        return gated.decision(contest.popularity, "popularity", reason, gated.users_needed)
    if gated.lacking_evidence is None:
        reason = f"No challenger passes every gate, so {contest.defender} is kept."
        return gated.decision(contest.defender, "kept", reason)
    reason = (
        f"Too few users to tell, so {contest.defender} stays for now and the next exam asks for "
        "more."
    )
    return gated.decision(contest.defender, "not decided", reason, gated.users_needed)


def settle(
    decision: Decision,
    *,
    fallback: str,
    approval: Approval = UNASKED,
    required: bool = False,
    refused: Mapping[str, str] | None = None,
) -> Decision:
    """Return the decision as it stands after a person's answer and the gates' on the refits.

    `fallback` is the incumbent, or popularity. `required`: a person must have agreed to a new
    champion. `refused` has what the gates said of each refit that did not pass, by recipe key.
    Raises ModelError where the fallback's is among them: then nothing can be published, and readers
    keep what they have.
    """
    refused = refused or {}
    is_approved = approval.answer == "approved" or (approval.answer is None and not required)
    if decision.is_new and not is_approved:
        reason = f"{decision.champion_key} was not approved: {approval.sentence}."
        decision = decision.falls_back(fallback, reason)
    key = decision.champion_key
    if key in refused and key != fallback:
        reason = f"The refit of {key} was refused by its gates."
        decision = decision.falls_back(fallback, reason, refused[key])
    refuse_without_fallback(decision, refused)
    return decision


def refuse_without_fallback(decision: Decision, refused: Mapping[str, str]) -> None:
    """Raise ModelError where the refit of a settled decision was refused as well."""
    if decision.champion_key in refused:
        sentences = " ".join(f"{key}: {reason}" for key, reason in refused.items())
        raise ModelError(
            f"the refit of {decision.champion_key} was refused by its gates, and there is no other "
            f"to fall back on. {sentences}"
        )


@dataclass(frozen=True)
class GatedContest:
    """An exam with the answer of every gate on every challenger."""

    contest: Contest

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Return every gate's answer, by challenger."""
        answers: list[Verdict] = []
        for key in self.contest.challengers:
            answers += [
                Verdict.of(key, gate, check(self.contest, key))
                for gate, check in EXAM_GATES.items()
            ]
        return tuple(answers)

    @property
    def refusals(self) -> list[Verdict]:
        """Return the answers that refuse a challenger."""
        return [verdict for verdict in self.verdicts if not verdict.passed]

    @cached_property
    def winner(self) -> str | None:
        """Return the best challenger that every gate lets pass."""
        refused = {verdict.recipe_key for verdict in self.refusals}
        return next((key for key in self.contest.challengers if key not in refused), None)

    @property
    def lacking_evidence(self) -> Verdict | None:
        """Return the answer of "enough evidence" on the best challenger, where it is a refusal."""
        best = next(iter(self.contest.challengers), None)
        of_best = [verdict for verdict in self.refusals if verdict.recipe_key == best]
        return next((verdict for verdict in of_best if verdict.gate == ENOUGH_EVIDENCE), None)

    @property
    def users_needed(self) -> int | None:
        """Return how many users the best challenger's case takes, where there are fewer."""
        lacking = self.lacking_evidence
        return int(lacking.bound) if lacking and lacking.bound is not None else None

    @property
    def gate_sentences(self) -> list[str]:
        """Return what the winner passed by, or what the best challenger was refused for."""
        shown = self.winner or next(iter(self.contest.challengers), None)
        verdicts = self.verdicts if self.winner else self.refusals
        of_it = [verdict for verdict in verdicts if verdict.recipe_key == shown]
        return [f"{shown}, {verdict.gate}: {verdict.sentence}" for verdict in of_it]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Return each challenger's lead over the defender, and over popularity."""
        contest = self.contest
        rows: list[Comparison] = []
        if contest.defender is not None:
            rows += _comparisons_with(contest.defender, contest.against_incumbent)
        if contest.popularity != contest.defender:
            rows += _comparisons_with(contest.popularity, contest.against_popularity)
        return tuple(rows)

    def crowned(self, winner: str) -> Decision:
        """Return the decision for a challenger."""
        is_first = self.contest.incumbent is None
        what = "the first champion" if is_first else "promoted"
        reason = f"{winner} passes every gate and is {what}."
        return self.decision(winner, "first" if is_first else "promoted", reason)

    def decision(
        self, champion: str, outcome: Outcome, reason: str, users_needed: int | None = None
    ) -> Decision:
        """Return a decision with the sentences on who could not be fitted, and on the gates."""
        contest = self.contest
        facts = (*unfitted_sentences(contest), *defender_sentences(contest), *self.gate_sentences)
        return Decision(
            champion,
            outcome,
            self.comparisons,
            self.verdicts,
            (*facts, reason),
            users_needed,
            has_defender=contest.defender is not None,
        )


def check_contest(contest: Contest) -> None:
    """Raise ModelError or LedgerError where nothing can be decided by an exam; see `decide`."""
    if contest.popularity in contest.unfitted:
        raise ModelError(
            "popularity, which a champion must beat, is not among the fits. "
            f"{' '.join(unfitted_sentences(contest))}"
        )
    for key in filter(None, (contest.popularity, contest.defender)):
        if key not in contest.user_scores:
            raise LedgerError(
                f"the exam has no per-user scores of {key}: found "
                f"{', '.join(sorted(contest.user_scores)) or 'none'}"
            )
    for key in contest.user_scores:
        check_users(contest, key)


def check_users(contest: Contest, key: str) -> None:
    """Raise LedgerError where a recipe was evaluated on other users than popularity."""
    scores = contest.user_scores[key]
    expected = contest.user_scores[contest.popularity].user_ids
    if len(scores.ndcg) != len(scores.user_ids):
        raise LedgerError(
            f"the exam evaluated {key} on {len(scores.ndcg):,} users, expected "
            f"{len(scores.user_ids):,}"
        )
    if not np.array_equal(scores.user_ids, expected):
        raise LedgerError(
            f"{key} was evaluated on other users than {contest.popularity}: "
            f"{len(scores.user_ids):,} and {len(expected):,}"
        )


def defender_sentences(contest: Contest) -> list[str]:
    """Return a warning where the champion has come to lose to a mere list of what is popular."""
    if contest.defender is None:
        return []
    mean = contest.user_scores[contest.defender].mean
    floor = contest.user_scores[contest.popularity].mean
    if mean >= floor:
        return []
    return [f"The incumbent {contest.defender} ({mean:.4f}) now loses to popularity ({floor:.4f})."]


def unfitted_sentences(contest: Contest) -> list[str]:
    """Return a sentence on each recipe that is not in the exam as it could not be fitted."""
    role = {contest.incumbent: "The incumbent "}
    return [
        f"{role.get(key, '')}{key} cannot be fitted: {reason.rstrip('.')}."
        for key, reason in contest.unfitted.items()
    ]


def _comparisons_with(opponent: str, leads: Mapping[str, Interval]) -> list[Comparison]:
    return [
        Comparison(key, opponent, lead.mean, lead.low, lead.high) for key, lead in leads.items()
    ]


def comparison_of(value: Mapping[str, Any]) -> Comparison:
    """Return a comparison from its JSON."""
    lead = [float(value[name]) for name in ("mean", "low", "high")]  # JSON may have them as whole
    return Comparison(value["challenger"], value["against"], *lead)
