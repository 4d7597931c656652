"""The ledger of exams: the held-out ratings, the evaluated recipes, their per-user scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_values, find_row, find_value
from recsys.errors import LedgerError
from recsys.evaluation.sketch import shared_share, sketch_of
from recsys.evaluation.split import Exam
from recsys.exam import ExamResult
from recsys.promotion.contest import Figure, Lost, UserScores
from recsys.promotion.gates import BEATS_CHAMPION, BEATS_POPULARITY, ENOUGH_EVIDENCE
from recsys.recipe import Recipe


@dataclass(frozen=True)
class ExamRecord:
    """A week's exam as it was set; `incumbent` is the champion's key at that time."""

    as_of: date
    kind: str
    weeks: int | None
    cut: datetime | None
    fingerprint: str
    n_users: int
    n_ratings: int
    incumbent: str | None
    incumbent_recipe: dict[str, Any] | None


@dataclass(frozen=True)
class _Sketch:
    as_of: date
    sketch: list[int]


@dataclass(frozen=True)
class _Entry:
    recipe_key: str
    user_ids: list[int]
    ndcg: list[float]

    @property
    def user_scores(self) -> UserScores:
        user_ids = np.array(self.user_ids, dtype=np.int64)
        return UserScores(user_ids, np.array(self.ndcg, dtype=np.float32))


@dataclass(frozen=True)
class Result:
    """A figure of a recipe on a slice of `n` users."""

    recipe_key: str
    slice: str
    metric: str
    value: float
    n: int

    @property
    def figure(self) -> Figure:
        return Figure(self.value, self.n)


@dataclass(frozen=True)
class _LostExam:
    recipe_key: str
    earlier: date
    share: float


def exam_on_record(conn: Connection, as_of: date) -> ExamRecord | None:
    """Return a week's exam; None where it is not set yet."""
    return find_row(conn, ExamRecord, queries("exams")["exam"], {"as_of": as_of})


def record_exam(conn: Connection, as_of: date, exam: Exam, incumbent: Recipe | None) -> None:
    """Enter a week's exam before any recipe is evaluated, and what it shares with earlier ones.

    Raises LedgerError where the ledger has one of other data.
    """
    sketch = sketch_of(exam.held_out)
    data = data_columns(exam)
    params = {"as_of": as_of, "sketch": sketch.tolist()} | data | incumbent_columns(incumbent)
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(queries("exams")["record_exam"], params)
        rows = overlaps_with_earlier(conn, as_of, sketch)
        cursor.executemany(queries("exams")["record_overlap"], rows)
    refuse_other_data(conn, as_of, data["fingerprint"])


def data_columns(exam: Exam) -> dict[str, Any]:
    """Return what an exam is made of, by the names of the columns."""
    return {
        "kind": exam.kind,
        "weeks": exam.weeks,
        "cut": exam.cut,
        "fingerprint": exam.train.fingerprint(),
        "n_users": len(exam.users),
        "n_ratings": len(exam.held_out),
    }


def incumbent_columns(incumbent: Recipe | None) -> dict[str, Any]:
    """Return the champion that an exam was set under, by the names of the columns."""
    if incumbent is None:
        return {"incumbent": None, "incumbent_recipe": None}
    return {"incumbent": incumbent.key, "incumbent_recipe": Jsonb(incumbent.to_json())}


def refuse_other_data(conn: Connection, as_of: date, fingerprint: str) -> None:
    """Raise LedgerError where the week's exam on record was set on other training ratings."""
    on_record = exam_on_record(conn, as_of)
    recorded = on_record.fingerprint if on_record else "none"
    if recorded != fingerprint:
        raise LedgerError(
            f"week {as_of}: the exam on record was set on ratings {recorded[:12]}, found "
            f"{fingerprint[:12]}: "
            "the facts that the week may see have changed since (an erased user?), so new entries "
            "could not be compared"
        )


def overlaps_with_earlier(
    conn: Connection, as_of: date, sketch: np.ndarray
) -> list[dict[str, Any]]:
    """Return the share of an exam's held-out ratings that each earlier exam held out too."""
    query = queries("exams")["sketches_before"]
    overlaps: list[dict[str, Any]] = []
    for earlier in fetch_rows(conn, _Sketch, query, {"as_of": as_of}):
        share = shared_share(sketch, np.array(earlier.sketch, dtype=np.int64))
        overlaps.append({"as_of": as_of, "earlier": earlier.as_of, "share": share})
    return overlaps


def record_entry(
    conn: Connection, as_of: date, recipe: Recipe, run_id: str, result: ExamResult
) -> None:
    """Enter one recipe's per-user scores and figures."""
    entry = {"as_of": as_of, "recipe_key": recipe.key}
    fit = {"recipe": Jsonb(recipe.to_json()), "run_id": run_id}
    params = entry | fit | score_columns(result)
    rows = [entry | figure for figure in figure_columns(result)]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(queries("exams")["record_entry"], params)
        cursor.executemany(queries("exams")["record_result"], rows)


def score_columns(result: ExamResult) -> dict[str, Any]:
    """Return the per-user scores of an exam, by the names of the columns."""
    return {"user_ids": result.user_ids.tolist(), "ndcg": result.ndcg.tolist()}


def figure_columns(result: ExamResult) -> list[dict[str, Any]]:
    """Return each figure of an exam's table, by the names of the columns."""
    return [
        {"slice": part, "metric": metric, "value": value, "n": n}
        for part, metric, value, n in result.values
    ]


def run_of_entry(conn: Connection, as_of: date, recipe: Recipe) -> str | None:
    """Return the MLflow run of the fit that the week's exam evaluated; None where there is none."""
    params = {"as_of": as_of, "recipe_key": recipe.key}
    return find_value(conn, str, queries("exams")["entry"], params)


def evaluated(conn: Connection, as_of: date) -> set[str]:
    """Return the keys of the recipes that the week's exam has evaluated."""
    return set(fetch_values(conn, str, queries("exams")["runs"], {"as_of": as_of}))


def user_scores_of(conn: Connection, as_of: date) -> Mapping[str, UserScores]:
    """Return everyone's per-user scores, by recipe key."""
    entries = fetch_rows(conn, _Entry, queries("exams")["entries"], {"as_of": as_of})
    return {entry.recipe_key: entry.user_scores for entry in entries}


def results_of(conn: Connection, as_of: date) -> list[Result]:
    """Return the figures of every recipe on every slice."""
    return fetch_rows(conn, Result, queries("exams")["results"], {"as_of": as_of})


def figures_of(conn: Connection, as_of: date) -> Mapping[tuple[str, str, str], Figure]:
    """Return the exam's table: (recipe key, slice, metric) → value."""
    results = results_of(conn, as_of)
    return {(each.recipe_key, each.slice, each.metric): each.figure for each in results}


def named_figures(conn: Connection, as_of: date) -> dict[str, dict[str, float]]:
    """Return the exam's figures by recipe key, and there by the metric's name.

    The name has the figure's slice behind it where that is not all users.
    """
    named: dict[str, dict[str, float]] = {}
    for (key, part, metric), figure in figures_of(conn, as_of).items():
        name = metric if part == "all" else f"{metric} {part}"
        named.setdefault(key, {})[name] = figure.value
    return named


def exams_lost(conn: Connection, as_of: date) -> Mapping[str, Lost]:
    """Return by recipe key, of the earlier exams that a recipe lost, the most alike to this one."""
    params = {
        "as_of": as_of,
        "lead_gates": [BEATS_CHAMPION, BEATS_POPULARITY],
        "evidence_gate": ENOUGH_EVIDENCE,
    }
    rows = fetch_rows(conn, _LostExam, queries("exams")["lost"], params)
    return {row.recipe_key: Lost(row.earlier, row.share) for row in rows}
