"""The ledger of exams: the held-out ratings, the evaluated recipes, their per-user scores."""

from collections.abc import Mapping
from datetime import date

import numpy as np
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import LedgerError
from recsys.evaluation.sketch import shared_share, sketch_of
from recsys.evaluation.split import Exam
from recsys.exam import ExamResult
from recsys.promotion.contest import Figure, Lost, UserScores
from recsys.promotion.gates import BEATS_CHAMPION, BEATS_POPULARITY, ENOUGH_EVIDENCE
from recsys.promotion.ledger import incumbent_of
from recsys.recipe import Recipe


def incumbent_at_exam(conn: Connection, as_of: date) -> Recipe | None:
    """The incumbent's recipe as it was when the week's exam was set; as it is now, where it is not
    set yet.

    A person's rollback since then counts: what was put aside is not defended, and what was put back
    is evaluated too.
    """
    exam = conn.execute(queries("exams")["exam"], {"as_of": as_of}).fetchone()
    incumbent = incumbent_of(conn, as_of)
    if exam is None or (incumbent and incumbent.by_hand):
        return incumbent.recipe if incumbent else None
    return Recipe.from_json(exam.incumbent_recipe) if exam.incumbent_recipe else None


def record_exam(conn: Connection, as_of: date, exam: Exam) -> None:
    """Enter a week's exam before any recipe is evaluated, and what it shares with earlier ones.

    Raises LedgerError where the ledger has one of other data.
    """
    incumbent = incumbent_at_exam(conn, as_of)
    sketch = sketch_of(exam.held_out)
    params = {
        "as_of": as_of,
        "kind": exam.kind,
        "weeks": exam.weeks,
        "cut": exam.cut,
        "fingerprint": exam.train.fingerprint(),
        "n_users": len(exam.users),
        "n_ratings": len(exam.held_out),
        "incumbent": incumbent.key if incumbent else None,
        "incumbent_recipe": Jsonb(incumbent.to_json()) if incumbent else None,
        "sketch": sketch.tolist(),
    }
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(queries("exams")["record_exam"], params)
        earlier = cursor.execute(queries("exams")["sketches_before"], {"as_of": as_of}).fetchall()
        shares = [
            (row.as_of, shared_share(sketch, np.array(row.sketch, dtype=np.int64)))
            for row in earlier
        ]
        rows = [{"as_of": as_of, "earlier": before, "share": share} for before, share in shares]
        cursor.executemany(queries("exams")["record_overlap"], rows)
    known = one_row(conn, queries("exams")["exam"], {"as_of": as_of})
    if known.fingerprint != params["fingerprint"]:
        raise LedgerError(
            f"week {as_of}: the exam on record was set on ratings {known.fingerprint[:12]}, found "
            f"{params['fingerprint'][:12]}: "
            "the facts that the week may see have changed since (an erased user?), so new entries "
            "could not be compared"
        )


def record_entry(
    conn: Connection, as_of: date, recipe: Recipe, run_id: str, result: ExamResult
) -> None:
    """Enter one recipe's per-user scores and figures."""
    entry = {"as_of": as_of, "recipe_key": recipe.key}
    scores = {
        "recipe": Jsonb(recipe.to_json()),
        "run_id": run_id,
        "user_ids": result.user_ids.tolist(),
        "ndcg": result.ndcg.tolist(),
    }
    rows = [
        entry | {"slice": part, "metric": metric, "value": value, "n": n}
        for part, metric, value, n in result.values
    ]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(queries("exams")["record_entry"], entry | scores)
        cursor.executemany(queries("exams")["record_result"], rows)


def run_of_entry(conn: Connection, as_of: date, recipe: Recipe) -> str | None:
    """Return the MLflow run of the fit that the week's exam evaluated; None where there is none."""
    row = conn.execute(
        queries("exams")["entry"], {"as_of": as_of, "recipe_key": recipe.key}
    ).fetchone()
    return row.run_id if row else None


def user_scores_of(conn: Connection, as_of: date) -> Mapping[str, UserScores]:
    """Return everyone's per-user scores, by recipe key."""
    rows = conn.execute(queries("exams")["entries"], {"as_of": as_of}).fetchall()
    return {
        row.recipe_key: UserScores(
            np.array(row.user_ids, dtype=np.int64), np.array(row.ndcg, dtype=np.float32)
        )
        for row in rows
    }


def figures_of(conn: Connection, as_of: date) -> Mapping[tuple[str, str, str], Figure]:
    """The exam's table: (recipe key, slice, metric) → value."""
    rows = conn.execute(queries("exams")["results"], {"as_of": as_of}).fetchall()
    return {(row.recipe_key, row.slice, row.metric): Figure(row.value, row.n) for row in rows}


def named_figures(conn: Connection, as_of: date) -> dict[str, dict[str, float]]:
    """The exam's figures by recipe key, and there by the metric's name, with its slice where that
    is not all users.
    """
    named: dict[str, dict[str, float]] = {}
    for (key, part, metric), figure in figures_of(conn, as_of).items():
        name = metric if part == "all" else f"{metric} {part}"
        named.setdefault(key, {})[name] = figure.value
    return named


def exams_lost(conn: Connection, as_of: date) -> Mapping[str, Lost]:
    """Of the earlier exams that a recipe lost, the one with which this week's shares most, by
    recipe key.
    """
    params = {
        "as_of": as_of,
        "lead_gates": [BEATS_CHAMPION, BEATS_POPULARITY],
        "evidence_gate": ENOUGH_EVIDENCE,
    }
    rows = conn.execute(queries("exams")["lost"], params).fetchall()
    return {row.recipe_key: Lost(row.earlier, row.share) for row in rows}
