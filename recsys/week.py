"""The week: what one run may know, and what was asked of it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import LedgerError
from recsys.experiment import Experiment
from recsys.limits import beyond_limits
from recsys.recipe import Recipe
from recsys.snapshot import Snapshot

log = logging.getLogger(__name__)

#: Of a week as JSON, in the ledger and between tasks; a renamed or removed field makes another.
FORM = 1


@dataclass(frozen=True)
class Week:
    """Kept in the ledger; every step after `resolve_week` is told by it and asks no clock.

    The run knows no event at or after `as_of` (UTC midnight) and no drop after `watermark` (a
    drop_id).
    """

    as_of: date
    watermark: int
    recipes: tuple[Recipe, ...]
    top_n: int
    seed: int
    like_threshold: float
    exam_min_users: int
    min_history: int
    half_life_days: float
    exam_wanted_users: int = 0  # that a dated exam should have, where the one before could not tell
    experiment: Experiment | None = None
    resolved_late: bool = False  # first resolved after a later week: it took that day's watermark
    force: bool = False  # of this run: decide anew
    require_approval: bool = False  # of this run: a person must agree to a new champion
    run_id: str = ""  # of this run: Airflow's, or who runs it elsewhere

    def to_json(self) -> dict[str, Any]:
        """Return a small value that tasks pass on, with the version of its form."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["as_of"] = self.as_of.isoformat()
        values["recipes"] = [recipe.to_json() for recipe in self.recipes]
        values["experiment"] = self.experiment.to_json() if self.experiment else None
        return {"form": FORM, **values}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned; values of the first form had no version.

        Raises LedgerError for a form that this code does not know.
        """
        values = dict(value)
        form = values.pop("form", 1)
        unknown = values.keys() - {field.name for field in fields(cls)}
        if form != FORM or unknown:
            found = f"form {form}" + (f" with {', '.join(sorted(unknown))}" if unknown else "")
            raise LedgerError(
                f"week {values.get('as_of')} was stored by other code: found {found}, expected "
                f"form {FORM}; run it with the code that stored it, or with this one from "
                "resolve_week"
            )
        values["as_of"] = date.fromisoformat(str(values["as_of"]))
        values["recipes"] = tuple(Recipe.from_json(recipe) for recipe in values["recipes"])
        experiment = values.get("experiment")
        values["experiment"] = Experiment.from_json(experiment) if experiment else None
        return cls(**values)

    @property
    def numbers(self) -> Mapping[str, float]:
        """Return the parameters that are numbers, by name."""
        names = (
            "top_n",
            "seed",
            "like_threshold",
            "exam_min_users",
            "min_history",
            "half_life_days",
        )
        return {name: getattr(self, name) for name in names}

    @property
    def snapshot(self) -> Snapshot:
        """Return what every read of the week is filtered by."""
        return Snapshot(self.as_of, self.watermark)

    def asked(self, **parameters: Any) -> Self:
        """The same week with the parameters that a run names itself; None names nothing."""
        return replace(
            self, **{name: value for name, value in parameters.items() if value is not None}
        )


def open_week(conn: Connection, week: Week) -> Week:
    """The week as the ledger has it; entered as given, with the newest drop known as its watermark,
    where the ledger lacks it.

    Parameters are those of the week's first run, and its watermark moves only until its drops are
    in. A parameter that was stored out of its limits, which no publication can be made with, gives
    way to that of the given week.
    """
    with conn.transaction():
        late = _one(conn, "is_late", as_of=week.as_of).late
        newest = _one(conn, "newest_drop_known").drop_id
        params = {
            "as_of": week.as_of,
            "watermark": newest,
            "params": Jsonb(week.to_json()),
            "resolved_late": late,
        }
        conn.execute(queries("drops")["open_week"], params)
        stored = _week(_one(conn, "week", as_of=week.as_of))
        wrong = beyond_limits(stored.numbers)
        if wrong:
            stored = _mend(conn, stored, {name: week.numbers[name] for name in wrong})
            log.warning(
                "week %s was stored out of limits: %s. It has now %s",
                week.as_of,
                "; ".join(wrong.values()),
                stored.numbers,
            )
    return stored


def _mend(conn: Connection, week: Week, numbers: Mapping[str, float]) -> Week:
    """Store a week with other numbers."""
    mended = week.asked(**numbers)
    conn.execute(
        queries("drops")["mend_week"], {"as_of": week.as_of, "params": Jsonb(mended.to_json())}
    )
    return mended


def week_taken_in(conn: Connection, as_of: date | None) -> Week | None:
    """The newest week, up to a date if one is given, whose drops are in; None without one. Changes
    nothing.
    """
    row = conn.execute(queries("drops")["week_taken_in"], {"as_of": as_of}).fetchone()
    return _week(row) if row else None


def undecided_before(conn: Connection, as_of: date) -> list[date]:
    """Earlier weeks that began and were not decided."""
    return [
        row.as_of
        for row in conn.execute(queries("drops")["undecided_before"], {"as_of": as_of}).fetchall()
    ]


def close_ingest(conn: Connection, week: Week) -> None:
    """Let the week's watermark stand from here on. Raises LedgerError where another run has moved
    it since.
    """
    conn.execute(queries("drops")["close_ingest"], week.snapshot.params)
    watermark = _one(conn, "week", as_of=week.as_of).watermark
    if watermark != week.watermark:
        raise LedgerError(
            f"week {week.as_of}: another run has met new drops since this one resolved the week; "
            f"found watermark {watermark}, "
            f"expected {week.watermark}: run it again from resolve_week"
        )


def _week(row: Any) -> Week:
    return Week.from_json(
        {**row.params, "watermark": row.watermark, "resolved_late": row.resolved_late}
    )


def _one(conn: Connection, name: str, **params: Any) -> Any:
    return one_row(conn, queries("drops")[name], params)
