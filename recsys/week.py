"""The week: what a run of it may know, and the parameters it runs with."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_value, fetch_values, find_row
from recsys.errors import LedgerError
from recsys.experiment import Experiment
from recsys.limits import beyond_limits
from recsys.recipe import Recipe
from recsys.request import Run
from recsys.snapshot import Snapshot

log = logging.getLogger(__name__)

#: Of a week as JSON, in the ledger and between tasks; a renamed or removed field makes another.
#: Form 1 had the run's wishes among the plan's fields.
FORM = 2
RUN_FIELDS = tuple(field.name for field in fields(Run))


@dataclass(frozen=True)
class WeekPlan:
    """What the ledger keeps of a week; every step after `resolve_week` goes by it, and by no clock.

    The week admits no event at or after `as_of` (UTC midnight) and no drop after `watermark` (a
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
    depth: int = 0  # movies kept a user, top_n at least; 0: as weeks of before there was a depth
    exam_wanted_users: int = 0  # that a dated exam should have, where the one before could not tell
    experiment: Experiment | None = None
    resolved_late: bool = False  # first resolved after a later week: it took that day's watermark

    def to_json(self) -> dict[str, Any]:
        """Return a small value with the version of its form."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["as_of"] = self.as_of.isoformat()
        values["recipes"] = [recipe.to_json() for recipe in self.recipes]
        values["experiment"] = self.experiment.to_json() if self.experiment else None
        return {"form": FORM, **values}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned, in this form or the first, without the run's wishes.

        Raises LedgerError for a form that this code does not know.
        """
        values = fields_of_plan(value)
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
            "depth",
        )
        return {name: getattr(self, name) for name in names}

    @property
    def snapshot(self) -> Snapshot:
        """Return what every read of the week is filtered by."""
        return Snapshot(self.as_of, self.watermark)

    def with_parameters(self, **parameters: Any) -> Self:
        """Return the week with the parameters that a run names itself; None names nothing."""
        named = {name: value for name, value in parameters.items() if value is not None}
        return replace(self, **named)


@dataclass(frozen=True)
class WeekRun:
    """A week's plan and what one run wants of it: what tasks pass on."""

    plan: WeekPlan
    run: Run

    def to_json(self) -> dict[str, Any]:
        """Return a small value that `from_json` reads."""
        return {"form": FORM, "plan": self.plan.to_json(), "run": self.run.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned, or a value of form 1, where both stood beside each other.

        Raises LedgerError for a form that this code does not know.
        """
        if "plan" in value:
            return cls(WeekPlan.from_json(value["plan"]), Run.from_json(value["run"]))
        wishes = {name: value[name] for name in RUN_FIELDS if name in value}
        return cls(WeekPlan.from_json(value), Run.from_json(wishes))


@dataclass(frozen=True)
class StoredWeek:
    """A row of weeks."""

    as_of: date
    watermark: int
    params: dict[str, Any]
    resolved_late: bool
    ingested_at: datetime | None = None

    @property
    def plan(self) -> WeekPlan:
        """Return the week that it holds. Raises LedgerError for one of other code."""
        values = {"watermark": self.watermark, "resolved_late": self.resolved_late}
        return WeekPlan.from_json(self.params | values)


def fields_of_plan(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan's fields as JSON has them; raise LedgerError for those of other code."""
    values = dict(value)
    form = values.pop("form", 1)  # the first values had no number
    if form == 1:
        values = {name: field for name, field in values.items() if name not in RUN_FIELDS}
    unknown = values.keys() - {field.name for field in fields(WeekPlan)}
    if form not in (1, FORM) or unknown:
        stored_form = f"form {form}" + (f" with {', '.join(sorted(unknown))}" if unknown else "")
        raise LedgerError(
            f"week {values.get('as_of')} was stored by other code: found {stored_form}, expected "
            f"form {FORM}; run it with the code that stored it, or with this one from "
            "resolve_week"
        )
    return values


def open_week(conn: Connection, week: WeekPlan) -> WeekPlan:
    """Return the week as the ledger has it; enter it as given where the ledger lacks it.

    Its watermark is the newest drop that is registered, and moves only until its drops are in.
    Parameters are those of the week's first run. One that was stored out of its limits, which no
    publication can be made with, gives way to that of the given week.
    """
    with conn.transaction():
        enter_week(conn, week)
        stored = stored_week(conn, week.as_of).plan
        wrong = beyond_limits(stored.numbers)
        return mended_week(conn, week, stored, wrong) if wrong else stored


def enter_week(conn: Connection, week: WeekPlan) -> None:
    """Store a week, or move its watermark to the newest drop until its drops are in."""
    params = {
        "as_of": week.as_of,
        "resolved_late": fetch_value(
            conn, bool, queries("drops")["is_late"], {"as_of": week.as_of}
        ),
        "watermark": fetch_value(conn, int, queries("drops")["newest_drop_known"]),
        "params": Jsonb(week.to_json()),
    }
    conn.execute(queries("drops")["open_week"], params)


def stored_week(conn: Connection, as_of: date) -> StoredWeek:
    """Return a week's row. Raises RecsysError where it has none."""
    return fetch_row(conn, StoredWeek, queries("drops")["week"], {"as_of": as_of})


def mended_week(
    conn: Connection, week: WeekPlan, stored: WeekPlan, wrong: Mapping[str, str]
) -> WeekPlan:
    """Store a week again, with the numbers that are out of their limits as in the given week."""
    mended = stored.with_parameters(**{name: week.numbers[name] for name in wrong})
    params = {"as_of": week.as_of, "params": Jsonb(mended.to_json())}
    conn.execute(queries("drops")["mend_week"], params)
    reasons = "; ".join(wrong.values())
    sentence = "week %s was stored out of limits: %s. It has now %s"
    log.warning(sentence, week.as_of, reasons, mended.numbers)
    return mended


def week_taken_in(conn: Connection, as_of: date | None) -> WeekPlan | None:
    """Return the newest week whose drops are in, up to a date if one is given; None without one."""
    row = find_row(conn, StoredWeek, queries("drops")["week_taken_in"], {"as_of": as_of})
    return row.plan if row else None


def undecided_before(conn: Connection, as_of: date) -> list[date]:
    """Return the earlier weeks that began and were not decided."""
    return fetch_values(conn, date, queries("drops")["undecided_before"], {"as_of": as_of})


def warn_of_order(conn: Connection, week: WeekPlan) -> None:
    """Log what a week lacks, or has too much of, as weeks did not run in their order."""
    undecided = undecided_before(conn, week.as_of)
    if undecided:
        log.warning(
            "week %s begins before %s are decided: their champions will not defend here",
            week.as_of,
            ", ".join(map(str, undecided)),
        )
    if week.resolved_late:
        log.warning(
            "week %s runs for the first time after later ones: it takes today's watermark, drop %s",
            week.as_of,
            week.watermark,
        )


def close_ingest(conn: Connection, week: WeekPlan) -> None:
    """Let the week's watermark stand from here on.

    Raises LedgerError where another run has moved it since.
    """
    conn.execute(queries("drops")["close_ingest"], week.snapshot.params)
    watermark = stored_week(conn, week.as_of).watermark
    if watermark != week.watermark:
        raise LedgerError(
            f"week {week.as_of}: another run has met new drops since this one resolved the week; "
            f"found watermark {watermark}, "
            f"expected {week.watermark}: run it again from resolve_week"
        )
