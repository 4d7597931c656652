"""The ledger of exams and champions in Postgres: the truth that MLflow's alias mirrors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import LedgerError
from recsys.evaluation.split import Exam
from recsys.exam import ExamResult
from recsys.promotion.decision import Decision, Marks
from recsys.recipe import Recipe


@dataclass(frozen=True)
class Champion:
    """A decided week's champion: the recipe, and its version fitted on all that the week may see."""

    as_of: date
    outcome: str
    recipe: Recipe
    model_version: str
    fit_key: str
    incumbent: str | None
    comparisons: tuple[dict[str, Any], ...]
    reasons: tuple[str, ...]


def champion_of(conn: Connection, as_of: date) -> Champion | None:
    """How that week was decided; None where it is not decided yet."""
    return _champion(conn.execute(queries("ledger")["decision"], {"as_of": as_of}).fetchone())


def incumbent_of(conn: Connection, as_of: date) -> Champion | None:
    """The champion by the last decision for an earlier week."""
    return _champion(conn.execute(queries("ledger")["incumbent"], {"as_of": as_of}).fetchone())


def newest_champion(conn: Connection) -> Champion | None:
    """The champion by the decision for the newest week."""
    return _champion(conn.execute(queries("ledger")["newest_decision"]).fetchone())


def incumbent_at_exam(conn: Connection, as_of: date) -> Recipe | None:
    """The incumbent's recipe as it was when the week's exam was set; as it is now, where it is not set yet."""
    exam = conn.execute(queries("ledger")["exam"], {"as_of": as_of}).fetchone()
    if exam is None:
        incumbent = incumbent_of(conn, as_of)
        return incumbent.recipe if incumbent else None
    return Recipe.from_json(exam.incumbent_recipe) if exam.incumbent_recipe else None


def record_decision(conn: Connection, as_of: date, decision: Decision, recipe: Recipe, *, version: str, fit_key: str) -> None:
    """Enter a week's decision, unless the week is decided already."""
    incumbent = incumbent_at_exam(conn, as_of)
    params = {
        "as_of": as_of,
        "decision": decision.outcome,
        "recipe_key": recipe.key,
        "recipe": Jsonb(recipe.to_json()),
        "model_version": version,
        "fit_key": fit_key,
        "incumbent": incumbent.key if incumbent else None,
        "comparisons": Jsonb([asdict(comparison) for comparison in decision.comparisons]),
        "reasons": list(decision.reasons),
    }
    conn.execute(queries("ledger")["record_decision"], params)


def record_exam(conn: Connection, as_of: date, exam: Exam) -> None:
    """Enter a week's exam before anyone sits it. Raises LedgerError where the ledger has one of other data."""
    incumbent = incumbent_at_exam(conn, as_of)
    params = {
        "as_of": as_of,
        "kind": exam.kind,
        "weeks": exam.weeks,
        "cut": exam.cut,
        "fingerprint": exam.known.fingerprint(),
        "n_users": len(exam.users),
        "n_ratings": len(exam.held_out),
        "incumbent": incumbent.key if incumbent else None,
        "incumbent_recipe": Jsonb(incumbent.to_json()) if incumbent else None,
    }
    conn.execute(queries("ledger")["record_exam"], params)
    known = one_row(conn, queries("ledger")["exam"], {"as_of": as_of})
    if known.fingerprint != params["fingerprint"]:
        raise LedgerError(
            f"week {as_of}: the exam on record was set on ratings {known.fingerprint[:12]}, found {params['fingerprint'][:12]}: "
            "the facts that the week may see have changed since (an erased user?), so new entries could not be compared"
        )


def record_entry(conn: Connection, as_of: date, recipe: Recipe, run_id: str, result: ExamResult) -> None:
    """Enter one recipe's marks and figures."""
    entry = {"as_of": as_of, "recipe_key": recipe.key}
    marks = {
        "recipe": Jsonb(recipe.to_json()),
        "run_id": run_id,
        "user_ids": result.user_ids.tolist(),
        "ndcg": result.ndcg.tolist(),
    }
    rows = [entry | {"slice": part, "metric": metric, "value": value, "n": n} for part, metric, value, n in result.values]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(queries("ledger")["record_entry"], entry | marks)
        cursor.executemany(queries("ledger")["record_result"], rows)


def run_of_entry(conn: Connection, as_of: date, recipe: Recipe) -> str | None:
    """The MLflow run of the fit that sat the week's exam; None where the recipe has not sat it."""
    row = conn.execute(queries("ledger")["entry"], {"as_of": as_of, "recipe_key": recipe.key}).fetchone()
    return row.run_id if row else None


def marks_of(conn: Connection, as_of: date) -> Mapping[str, Marks]:
    """Everyone's marks, by recipe key."""
    rows = conn.execute(queries("ledger")["entries"], {"as_of": as_of}).fetchall()
    return {row.recipe_key: Marks(np.array(row.user_ids, dtype=np.int64), np.array(row.ndcg, dtype=np.float32)) for row in rows}


def _champion(row: Any) -> Champion | None:
    if row is None:
        return None
    return Champion(
        as_of=row.as_of,
        outcome=row.decision,
        recipe=Recipe.from_json(row.recipe),
        model_version=row.model_version,
        fit_key=row.fit_key,
        incumbent=row.incumbent,
        comparisons=tuple(row.comparisons),
        reasons=tuple(row.reasons),
    )
