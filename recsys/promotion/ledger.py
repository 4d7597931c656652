"""The ledger of champions in Postgres: the truth that MLflow's alias mirrors."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
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


@dataclass(frozen=True)
class Origin:
    """The code and the run that something comes from."""

    git_sha: str
    run_id: str


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
        return self.model.recipe


def champion_of(conn: Connection, as_of: date) -> Champion | None:
    """How that week was decided, by a forced decision at the last; None where it is not decided
    yet.
    """
    return _champion(conn.execute(queries("ledger")["decision"], {"as_of": as_of}).fetchone())


def decided_for(conn: Connection, as_of: date, run: Run) -> Champion | None:
    """Return the decision that a run goes by: the week's, or its own where it decides anew.

    None until there is one.
    """
    if not run.force:
        return champion_of(conn, as_of)
    params = {"as_of": as_of, "run_id": run.run_id}
    return _champion(conn.execute(queries("ledger")["forced_decision"], params).fetchone())


def decision_by_id(conn: Connection, promotion_id: int) -> Champion:
    """A decision by its number. Raises LedgerError where the ledger has none."""
    champion = _champion(
        conn.execute(queries("ledger")["decision_by_id"], {"promotion_id": promotion_id}).fetchone()
    )
    if champion is None:
        raise LedgerError(
            f"no decision {promotion_id} in the ledger: expected one that promote_champion entered"
        )
    return champion


def incumbent_of(conn: Connection, as_of: date) -> Champion | None:
    """The champion by the last decision for an earlier week."""
    return _champion(conn.execute(queries("ledger")["incumbent"], {"as_of": as_of}).fetchone())


def newest_champion(conn: Connection) -> Champion | None:
    """The champion now."""
    return _champion(conn.execute(queries("ledger")["newest_decision"]).fetchone())


def record_decision(
    conn: Connection,
    as_of: date,
    run: Run,
    decision: Decision,
    model: ModelVersion,
    incumbent: str | None,
    approval: Approval,
    git_sha: str,
) -> Champion:
    """Enter a decision with every gate's answer, unless the week, or this run of it, is decided
    already; return what stands.
    """
    params = {
        "as_of": as_of,
        "decision": decision.outcome,
        "recipe_key": model.recipe.key,
        "recipe": Jsonb(model.recipe.to_json()),
        "model_version": model.version,
        "fit_key": model.fit_key,
        "fingerprint": model.fingerprint,
        "n_ratings": model.n_ratings,
        "incumbent": incumbent,
        "comparisons": Jsonb([asdict(comparison) for comparison in decision.comparisons]),
        "reasons": list(decision.reasons),
        "forced": run.force,
        "approval": approval.answer,
        "approved_by": approval.by,
        "users_needed": decision.users_needed,
        "git_sha": git_sha,
        "run_id": run.run_id,
    }
    with conn.transaction():
        conn.execute(queries("live")["hold"])  # a rollback made meanwhile says whether it stands
        row = conn.execute(queries("ledger")["record_decision"], params).fetchone()
        if row is not None:
            verdicts = (*decision.verdicts, *refit_verdicts(conn, as_of))
            _enter(conn, "record_verdict", {"promotion_id": row.promotion_id}, verdicts)
    decided = decided_for(conn, as_of, run)
    if decided is None:
        raise LedgerError(
            f"week {as_of}: the decision of run {run.run_id!r} was not "
            "entered; expected a run id of its own"
        )
    return decided


def verdicts_of(conn: Connection, promotion_id: int) -> list[Verdict]:
    """Every gate's answer that a decision was made by."""
    return _verdicts(
        conn.execute(queries("ledger")["verdicts"], {"promotion_id": promotion_id}).fetchall()
    )


def record_refit_verdicts(
    conn: Connection, as_of: date, fit_key: str, verdicts: Iterable[Verdict]
) -> None:
    """Keep what the gates said of a refit, in place of what they said of an earlier one of that
    recipe.
    """
    _enter(conn, "record_refit_verdict", {"as_of": as_of, "fit_key": fit_key}, verdicts)


def refit_verdicts(conn: Connection, as_of: date) -> list[Verdict]:
    """What the gates said of the week's refits."""
    return _verdicts(conn.execute(queries("ledger")["refit_verdicts"], {"as_of": as_of}).fetchall())


def fit_keys_of_refits(conn: Connection, as_of: date) -> dict[str, str]:
    """The fit key of the week's last refit of each recipe, by recipe key."""
    rows = conn.execute(queries("ledger")["refit_verdicts"], {"as_of": as_of}).fetchall()
    return {row.recipe_key: row.fit_key for row in rows}


def _enter(
    conn: Connection, query: str, keys: Mapping[str, Any], verdicts: Iterable[Verdict]
) -> None:
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(
            queries("ledger")[query], [{**keys, **asdict(verdict)} for verdict in verdicts]
        )


def _verdicts(rows: Iterable[Any]) -> list[Verdict]:
    return [
        Verdict(row.passed, row.figure, row.bound, row.sentence, row.recipe_key, row.gate)
        for row in rows
    ]


def _champion(row: Any) -> Champion | None:
    if row is None:
        return None
    return Champion(
        promotion_id=row.promotion_id,
        as_of=row.as_of,
        outcome=row.decision,
        model=ModelVersion(
            Recipe.from_json(row.recipe),
            row.model_version,
            row.fit_key,
            row.fingerprint,
            row.n_ratings,
        ),
        incumbent=row.incumbent,
        comparisons=tuple(row.comparisons),
        reasons=tuple(row.reasons),
        approval=Approval(row.approval, row.approved_by),
        users_needed=row.users_needed,
    )
