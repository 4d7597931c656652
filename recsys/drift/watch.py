"""Hold a week against those before it, once, and keep what was found."""

from typing import Any

import numpy as np

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.drift.measures import LEAST_RATINGS, LEAST_WEEKS, MEASURES, Reading, Weeks
from recsys.evaluation.metrics import DECIDING
from recsys.week import Week


def watch(conn: Connection, week: Week, *, n_weeks: int) -> list[Any]:
    """Every measure's finding on the week, made at the first call: rows (measure, value, low, high,
    drifted, sentence).

    `drifted` is None where there was too little to judge by.
    """
    if not recorded(conn, week):
        weeks = _weeks(conn, week, n_weeks)
        rows = [_row(week, name, measure(weeks), n_weeks) for name, measure in MEASURES.items()]
        with conn.transaction(), conn.cursor() as cursor:
            cursor.executemany(queries("drift")["record"], rows)
    return recorded(conn, week)


def recorded(conn: Connection, week: Week) -> list[Any]:
    """What was found of a week; nothing where it has not been watched."""
    return conn.execute(queries("drift")["recorded"], {"as_of": week.as_of}).fetchall()


def _weeks(conn: Connection, week: Week, n_weeks: int) -> Weeks:
    found = {
        row.ago: row
        for row in conn.execute(
            queries("drift")["weeks"], {**week.snapshot.params, "n_weeks": n_weeks}
        ).fetchall()
    }

    def counts(name: str) -> np.ndarray:
        return np.array(
            [getattr(found[ago], name) if ago in found else 0 for ago in range(n_weeks + 1)],
            dtype=np.int64,
        )

    return Weeks(
        ratings=counts("n_ratings"),
        users=counts("n_users"),
        new_users=counts("n_new_users"),
        movies=counts("n_movies"),
        new_movies=counts("n_new_movies"),
        of_top_movie=counts("n_of_top"),
        histogram=np.array(
            [found[ago].histogram if ago in found else [0] * 10 for ago in range(n_weeks + 1)],
            dtype=np.int64,
        ),
        exam_scores=_exam_scores(conn, week, n_weeks),
    )


def _exam_scores(conn: Connection, week: Week, n_weeks: int) -> np.ndarray:
    params = {"as_of": week.as_of, "n_weeks": n_weeks, "metric": DECIDING}
    scores = {
        row.as_of: row.value
        for row in conn.execute(queries("drift")["exam_scores"], params).fetchall()
    }
    return np.array([scores.pop(week.as_of, np.nan), *scores.values()])


def _row(week: Week, name: str, reading: Reading | None, n_weeks: int) -> dict[str, Any]:
    keys = {"as_of": week.as_of, "measure": name, "sentence": _sentence(name, reading, n_weeks)}
    if reading is None:
        return keys | {"value": None, "low": None, "high": None, "drifted": None}
    return keys | {
        "value": reading.value,
        "low": reading.low,
        "high": reading.high,
        "drifted": reading.drifted,
    }


def _sentence(name: str, reading: Reading | None, n_weeks: int) -> str:
    if reading is None:
        return f"{name}: nothing to measure it on."
    if reading.low is None:
        enough = (
            f"{LEAST_RATINGS} ratings, or an exam, in it and in {LEAST_WEEKS} of the {n_weeks} "
            "weeks before"
        )
        return (
            f"{name}: {reading.value:.3g}, and too little to tell what was expected: it takes "
            f"{enough}."
        )
    return (
        f"{name}: {reading.value:.3g}; after the {n_weeks} weeks before, expected "
        f"{reading.low:.3g} to {reading.high:.3g}."
    )
