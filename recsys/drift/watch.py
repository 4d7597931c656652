"""Hold a week against those before it, once, and keep the findings."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.drift.measures import LEAST_RATINGS, LEAST_WEEKS, MEASURES, Reading, Weeks
from recsys.evaluation.metrics import DECIDING
from recsys.week import WeekPlan

__all__ = ["Finding", "read_exam_scores", "read_weeks", "recorded", "watch"]


@dataclass(frozen=True)
class Finding:
    """What a measure says of a week. `drifted` is None where there was too little to judge by,
    `value` where there was nothing to measure.
    """

    measure: str
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    drifted: bool | None = None


@dataclass(frozen=True)
class _WeekCounts:
    """The week `ago` weeks before this one, by its ratings."""

    ago: int
    ratings: int = 0
    users: int = 0
    new_users: int = 0
    movies: int = 0
    new_movies: int = 0
    of_top_movie: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * 10)


@dataclass(frozen=True)
class _ExamScore:
    as_of: date
    value: float


_COUNTS = ("ratings", "users", "new_users", "movies", "new_movies", "of_top_movie", "histogram")


def watch(conn: Connection, week: WeekPlan, *, n_weeks: int) -> list[Finding]:
    """Return the finding of every measure on the week, made at the first call."""
    if not recorded(conn, week):
        weeks = read_weeks(conn, week, n_weeks)
        findings = [finding_of(name, measure(weeks), n_weeks) for name, measure in MEASURES.items()]
        _record(conn, week, findings)
    return recorded(conn, week)


def recorded(conn: Connection, week: WeekPlan) -> list[Finding]:
    """Return the findings of a week; none where it has not been watched."""
    return fetch_rows(conn, Finding, queries("drift")["recorded"], {"as_of": week.as_of})


def read_weeks(conn: Connection, week: WeekPlan, n_weeks: int) -> Weeks:
    """Return the week and the `n_weeks` before it; one without ratings counts as zeros."""
    params = week.snapshot.params | {"n_weeks": n_weeks}
    rows = fetch_rows(conn, _WeekCounts, queries("drift")["weeks"], params)
    counts = {row.ago: row for row in rows}
    weeks = [counts.get(ago, _WeekCounts(ago)) for ago in range(n_weeks + 1)]
    columns = {name: column_of(weeks, name) for name in _COUNTS}
    return Weeks(**columns, exam_scores=read_exam_scores(conn, week, n_weeks))


def read_exam_scores(conn: Connection, week: WeekPlan, n_weeks: int) -> np.ndarray:
    """Return the champions' scores in their weeks' exams, this week's first, NaN without one."""
    params = {"as_of": week.as_of, "n_weeks": n_weeks, "metric": DECIDING}
    rows = fetch_rows(conn, _ExamScore, queries("drift")["exam_scores"], params)
    scores = {row.as_of: row.value for row in rows}
    return np.array([scores.pop(week.as_of, np.nan), *scores.values()])


def column_of(weeks: list[_WeekCounts], name: str) -> np.ndarray:
    """Return one count of all weeks."""
    return np.array([getattr(week, name) for week in weeks], dtype=np.int64)


def _record(conn: Connection, week: WeekPlan, findings: list[Finding]) -> None:
    params = [vars(finding) | {"as_of": week.as_of} for finding in findings]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(queries("drift")["record"], params)


def finding_of(name: str, reading: Reading | None, n_weeks: int) -> Finding:
    """Return what a measure's reading says of a week."""
    if reading is None:
        return Finding(name, f"{name}: nothing to measure it on.")
    sentence = f"{name}: {reading.value:.3g}{expectation_of(reading, n_weeks)}"
    return Finding(name, sentence, reading.value, reading.low, reading.high, reading.drifted)


def expectation_of(reading: Reading, n_weeks: int) -> str:
    """Return what was expected of a reading, as the end of a sentence."""
    if reading.low is None:
        return (
            f", and too little to tell what was expected: it takes {LEAST_RATINGS} ratings, or an "
            f"exam, in it and in {LEAST_WEEKS} of the {n_weeks} weeks before."
        )
    return f"; after the {n_weeks} weeks before, expected {reading.low:.3g} to {reading.high:.3g}."
