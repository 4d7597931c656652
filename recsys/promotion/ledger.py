"""The ledger of champions in Postgres: the truth that MLflow's alias mirrors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, find_row, find_value
from recsys.errors import LedgerError
from recsys.promotion.approval import Approval
from recsys.promotion.decision import Decision
from recsys.promotion.verdict import Verdict
from recsys.recipe import Recipe
from recsys.request import Run


@dataclass(frozen=True)
class ModelVersion:
    """A recipe fitted on all that a week may see, as it is registered: what makes a publication.

    `fingerprint` is of the data that it was fitted on, `n_ratings` how many ratings these were;
    None where no ledger kept them.
    """

    recipe: Recipe
    version: str
    fit_key: str
    fingerprint: str | None = None
    n_ratings: int | None = None

    @property
    def params(self) -> dict[str, Any]:
        """Return it by the names of the columns of promotions."""
        return {
            "recipe_key": self.recipe.key,
            "recipe": Jsonb(self.recipe.to_json()),
            "model_version": self.version,
            "fit_key": self.fit_key,
            "fingerprint": self.fingerprint,
            "n_ratings": self.n_ratings,
        }


@dataclass(frozen=True)
class Origin:
    """The code and the run that something comes from."""

    git_sha: str
    run_id: str


@dataclass(frozen=True)
class Promotion:
    """A decision that is to be stored: all that it was made by, and the run that made it."""

    as_of: date
    run: Run
    decision: Decision
    model: ModelVersion
    incumbent: str | None
    approval: Approval
    git_sha: str

    @property
    def params(self) -> dict[str, Any]:
        """Return it by the names of the columns."""
        week = {"as_of": self.as_of, "incumbent": self.incumbent}
        run = {"forced": self.run.force, "run_id": self.run.run_id, "git_sha": self.git_sha}
        return week | self.decision_params | self.approval_params | self.model.params | run

    @property
    def decision_params(self) -> dict[str, Any]:
        """Return what was decided, by the names of the columns."""
        return {
            "decision": self.decision.outcome,
            "comparisons": Jsonb([asdict(each) for each in self.decision.comparisons]),
            "reasons": list(self.decision.reasons),
            "users_needed": self.decision.users_needed,
        }

    @property
    def approval_params(self) -> dict[str, Any]:
        """Return the answer of a person, by the names of the columns."""
        return {
            "approval": self.approval.answer,
            "approved_by": self.approval.by,
            "proposal_id": self.approval.proposal_id,
        }


@dataclass(frozen=True)
class _Row:
    """A row of promotions, as far as a champion is made of it."""

    promotion_id: int
    as_of: date
    decision: str
    recipe: dict[str, Any]
    model_version: str
    fit_key: str
    fingerprint: str | None
    n_ratings: int | None
    incumbent: str | None
    comparisons: list[dict[str, Any]]
    reasons: list[str]
    approval: Literal["approved", "rejected", "timed out"] | None
    approved_by: str | None
    proposal_id: int | None
    users_needed: int | None

    @property
    def model(self) -> ModelVersion:
        """Return the champion's version."""
        recipe = Recipe.from_json(self.recipe)
        return ModelVersion(
            recipe, self.model_version, self.fit_key, self.fingerprint, self.n_ratings
        )


@dataclass(frozen=True)
class Champion:
    """A decision: the recipe, and its version fitted on all that the week may see."""

    promotion_id: int
    as_of: date
    outcome: str
    model: ModelVersion
    incumbent: str | None
    comparisons: tuple[dict[str, Any], ...]
    reasons: tuple[str, ...]
    approval: Approval
    users_needed: int | None

    @property
    def by_hand(self) -> bool:
        """Whether a person's rollback made it champion."""
        return self.outcome in ("rolled back", "rolled forward")

    @property
    def recipe(self) -> Recipe:
        """Return the recipe of its version."""
        return self.model.recipe

    @classmethod
    def of(cls, row: _Row) -> Self:
        """Return what a row holds."""
        return cls(
            promotion_id=row.promotion_id,
            as_of=row.as_of,
            outcome=row.decision,
            model=row.model,
            incumbent=row.incumbent,
            comparisons=tuple(row.comparisons),
            reasons=tuple(row.reasons),
            approval=Approval(row.approval, row.approved_by, row.proposal_id),
            users_needed=row.users_needed,
        )


@dataclass(frozen=True)
class _RefitVerdict(Verdict):
    fit_key: str


def champion_of(conn: Connection, as_of: date) -> Champion | None:
    """Return how a week was decided, by a forced decision at the last; None before it was."""
    return _find_champion(conn, "decision", as_of=as_of)


def decided_for(conn: Connection, as_of: date, run: Run) -> Champion | None:
    """Return the decision that a run goes by: the week's, or its own where it decides anew.

    None until there is one.
    """
    if not run.force:
        return champion_of(conn, as_of)
    return _find_champion(conn, "forced_decision", as_of=as_of, run_id=run.run_id)


def decision_by_id(conn: Connection, promotion_id: int) -> Champion:
    """Return a decision by its number. Raises LedgerError where the ledger has none."""
    champion = _find_champion(conn, "decision_by_id", promotion_id=promotion_id)
    if champion is None:
        raise LedgerError(
            f"no decision {promotion_id} in the ledger: expected one that promote_champion entered"
        )
    return champion


def champion_before(conn: Connection, as_of: date) -> Champion | None:
    """Return the champion by the last decision for an earlier week."""
    return _find_champion(conn, "incumbent", as_of=as_of)


def newest_champion(conn: Connection) -> Champion | None:
    """Return the champion now."""
    return _find_champion(conn, "newest_decision")


def record_decision(conn: Connection, promotion: Promotion) -> Champion:
    """Enter a decision with every gate's answer, unless the week, or this run of it, is decided.

    Returns the decision that counts for the run. Raises LedgerError where there is none.
    """
    with conn.transaction():
        conn.execute(queries("live")["hold"])  # a rollback made meanwhile says whether it stands
        enter_decision(conn, promotion)
    champion = decided_for(conn, promotion.as_of, promotion.run)
    if champion is None:
        raise LedgerError(
            f"week {promotion.as_of}: the decision of run {promotion.run.run_id!r} was not "
            "entered; expected a run id of its own"
        )
    return champion


def enter_decision(conn: Connection, promotion: Promotion) -> None:
    """Enter a decision with every gate's answer; nothing where there is one already."""
    query = queries("ledger")["record_decision"]
    promotion_id = find_value(conn, int, query, promotion.params)
    if promotion_id is not None:
        verdicts = (*promotion.decision.verdicts, *refit_verdicts(conn, promotion.as_of))
        _record_verdicts(conn, "record_verdict", {"promotion_id": promotion_id}, verdicts)


def verdicts_of(conn: Connection, promotion_id: int) -> list[Verdict]:
    """Return every gate's answer that a decision was made by."""
    query = queries("ledger")["verdicts"]
    return fetch_rows(conn, Verdict, query, {"promotion_id": promotion_id})


def record_refit_verdicts(
    conn: Connection, as_of: date, fit_key: str, verdicts: Sequence[Verdict]
) -> None:
    """Keep what the gates say of a refit, in place of their answers on the recipe's last one."""
    _record_verdicts(conn, "record_refit_verdict", {"as_of": as_of, "fit_key": fit_key}, verdicts)


def refit_verdicts(conn: Connection, as_of: date) -> list[Verdict]:
    """Return what the gates say of the week's refits."""
    return [Verdict.of(row.recipe_key, row.gate, row) for row in _refit_verdict_rows(conn, as_of)]


def fit_keys_of_refits(conn: Connection, as_of: date) -> dict[str, str]:
    """Return the fit key of the week's last refit of each recipe, by recipe key."""
    return {row.recipe_key: row.fit_key for row in _refit_verdict_rows(conn, as_of)}


def _refit_verdict_rows(conn: Connection, as_of: date) -> list[_RefitVerdict]:
    query = queries("ledger")["refit_verdicts"]
    return fetch_rows(conn, _RefitVerdict, query, {"as_of": as_of})


def _record_verdicts(
    conn: Connection, query: str, keys: Mapping[str, Any], verdicts: Iterable[Verdict]
) -> None:
    rows = [{**keys, **asdict(verdict)} for verdict in verdicts]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(queries("ledger")[query], rows)


def _find_champion(conn: Connection, query: str, **params: object) -> Champion | None:
    row = find_row(conn, _Row, queries("ledger")[query], params)
    return Champion.of(row) if row else None
