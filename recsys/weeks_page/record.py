"""What the page of all weeks is drawn from: rows of the ledgers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from psycopg.rows import class_row

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.evaluation.metrics import DECIDING

Row = TypeVar("Row")


@dataclass(frozen=True)
class WeekLine:
    """A week: how it was decided, and what readers had. None where it has not come that far.

    `decided` is the key of the recipe that the decision named, `champion` of the one whose lists
    readers had; these differ after a rollback, and where a past week was decided anew. A week that
    was never live has its newest publication.
    """

    as_of: date
    decision: str | None = None
    decided: str | None = None
    champion: str | None = None
    reasons: Sequence[str] | None = None
    n_users: int | None = None
    publication_id: int | None = None
    was_live: bool = False


@dataclass(frozen=True)
class ExamScore:
    """What a recipe reached at a week's exam."""

    as_of: date
    recipe_key: str
    value: float


@dataclass(frozen=True)
class Observed:
    """What came true of the lists that readers had from the week `as_of` on, with its interval, on
    `n` users.

    A challenger's are those of its arm, or those that no reader saw.
    """

    as_of: date
    publication_id: int
    recipe_key: str
    is_challenger: bool
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Flip:
    """A publication that a person made live; `as_of` is the newest week then."""

    as_of: date
    cause: str
    publication_id: int
    recipe_key: str
    reason: str


@dataclass(frozen=True)
class DriftFigure:
    """A measure of a week, and the bounds that the weeks before it gave: None where they gave
    none.
    """

    as_of: date
    measure: str
    value: float
    low: float | None
    high: float | None
    drifted: bool
    sentence: str


@dataclass(frozen=True)
class StepTime:
    """Seconds that a week spent in a step."""

    as_of: date
    step: str
    seconds: float


@dataclass(frozen=True)
class Record:
    """All weeks, the oldest first. Any part but `weeks` may be empty."""

    weeks: Sequence[WeekLine]
    scores: Sequence[ExamScore] = field(default=())
    observed: Sequence[Observed] = field(default=())
    flips: Sequence[Flip] = field(default=())
    drift: Sequence[DriftFigure] = field(default=())
    times: Sequence[StepTime] = field(default=())


def read_record(conn: Connection, until: date | None = None) -> Record:
    """Read all weeks as the ledgers have them now, or those up to a date."""
    bounds = {"until": until}
    deciding = bounds | {"metric": DECIDING}
    with conn.transaction():  # one moment for all of it
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return Record(
            weeks=_rows(conn, WeekLine, "week_lines", bounds),
            scores=_rows(conn, ExamScore, "exam_scores", deciding),
            observed=_rows(conn, Observed, "observed", deciding),
            flips=_rows(conn, Flip, "flips", bounds),
            drift=_rows(conn, DriftFigure, "drift_figures", bounds),
            times=_rows(conn, StepTime, "times", bounds),
        )


def _rows(conn: Connection, kind: type[Row], name: str, params: Mapping[str, Any]) -> list[Row]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(queries("replay")[name], params).fetchall()
