"""What an exam decides of a run's recipes: computed and stored once, passed on by its id."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, find_row
from recsys.errors import LedgerError
from recsys.promotion.approval import Approval
from recsys.promotion.decision import Decision, decide, settle
from recsys.promotion.incumbent import incumbent_of
from recsys.promotion.week_contest import WeekContest
from recsys.recipe import Recipe
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["AnsweredProposal", "StoredProposal", "answered_proposal", "propose"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Row:
    proposal_id: int
    as_of: date
    run_id: str
    decision: dict[str, Any]
    champion: dict[str, Any]
    fallback: dict[str, Any]
    incumbent: str | None


@dataclass(frozen=True)
class StoredProposal:
    """A decision as the exam has it, before a person's answer and before the refits.

    `fallback` is champion where the decision's own recipe is not approved, or its refit is refused.
    """

    proposal_id: int
    as_of: date
    run_id: str
    decision: Decision
    champion: Recipe
    fallback: Recipe
    incumbent: str | None

    @classmethod
    def of(cls, row: _Row) -> Self:
        """Return what a row holds."""
        champion = Recipe.from_json(row.champion)
        fallback = Recipe.from_json(row.fallback)
        decision = Decision.from_json(row.decision)
        return cls(
            row.proposal_id, row.as_of, row.run_id, decision, champion, fallback, row.incumbent
        )


@dataclass(frozen=True)
class AnsweredProposal:
    """A proposal, the answer that counts for it, and whether one is required."""

    stored: StoredProposal
    approval: Approval
    is_required: bool

    def settled(self, refused: Mapping[str, str]) -> Decision:
        """Return the decision after the answer and after the gates that looked at the refits."""
        return settle(
            self.stored.decision,
            fallback=self.stored.fallback.key,
            approval=self.approval,
            required=self.is_required,
            refused=refused,
        )

    def recipe_of(self, decision: Decision) -> Recipe:
        """Return the recipe of a settled decision."""
        stored = self.stored
        is_champion = decision.champion_key == stored.champion.key
        return stored.champion if is_champion else stored.fallback


def propose(work: Work, week: WeekPlan) -> StoredProposal:
    """Return what the exam decides of this run's recipes, computed once for the same inputs.

    Raises what `decide` raises.
    """
    contest = WeekContest(work, week)
    query = queries("ledger")["proposal_by_inputs"]
    key = {"as_of": week.as_of, "run_id": work.run.run_id, "inputs": contest.digest}
    row = find_row(work.conn, _Row, query, key)
    if row is None:
        work.conn.execute(queries("ledger")["record_proposal"], key | decided(contest))
        row = fetch_row(work.conn, _Row, query, key)
    return StoredProposal.of(row)


def answered_proposal(work: Work, week: WeekPlan, approval: Approval) -> AnsweredProposal:
    """Return the proposal that an answer is about, as this run stored it.

    Where a person's rollback has changed the incumbent since, the exam decides again: what was put
    aside is not defended. If it has another champion then, nobody has been asked about that one.
    Raises LedgerError where the answer is about no proposal of this run.
    """
    required = work.run.require_approval
    stored = proposal_of_run(work, week, approval.proposal_id)
    incumbent = incumbent_of(work.conn, week.as_of, week.like_threshold)
    if stored.incumbent == (incumbent.key if incumbent else None):
        return AnsweredProposal(stored, approval, required)
    anew = propose(work, week)
    log.warning(
        "week %s: the incumbent is %s since a rollback, and was %s when the champion was proposed: "
        "the exam decides again",
        week.as_of,
        anew.incumbent,
        stored.incumbent,
    )
    return AnsweredProposal(anew, answer_to(anew, stored, approval), required)


def answer_to(anew: StoredProposal, stored: StoredProposal, approval: Approval) -> Approval:
    """Return the answer to a stored proposal as it counts for the one that was made anew."""
    if anew.champion.key != stored.champion.key:
        return Approval(None, None, anew.proposal_id)
    return Approval(approval.answer, approval.by, anew.proposal_id)


def proposal_of_run(work: Work, week: WeekPlan, proposal_id: int | None) -> StoredProposal:
    """Return a proposal by its id. Raises LedgerError where this run stored none of that id."""
    row = _find(work.conn, proposal_id)
    expected = (week.as_of, work.run.run_id)
    if row is None or (row.as_of, row.run_id) != expected:
        of = f"one of week {row.as_of}, run {row.run_id!r}" if row else "none in the ledger"
        raise LedgerError(
            f"proposal {proposal_id}: found {of}, expected one of week {week.as_of}, run "
            f"{work.run.run_id!r}; run propose_champion again, and what follows it"
        )
    return StoredProposal.of(row)


def _find(conn: Connection, proposal_id: int | None) -> _Row | None:
    query = queries("ledger")["proposal_by_id"]
    return find_row(conn, _Row, query, {"proposal_id": proposal_id})


def decided(contest: WeekContest) -> dict[str, Any]:
    """Return what the exam decides, by the names of the columns."""
    decision = decide(contest.contest)
    return {
        "decision_json": Jsonb(decision.to_json()),
        "champion": Jsonb(contest.recipes[decision.champion_key].to_json()),
        "fallback": Jsonb(contest.recipes[contest.fallback].to_json()),
        "incumbent": contest.incumbent_key,
    }
