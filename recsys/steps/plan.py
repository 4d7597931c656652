"""The plan: which week a run is about, what it admits, and who competes in it."""

from datetime import UTC, date, datetime
from typing import overload

from recsys.db.connect import Lock, advisory_lock
from recsys.db.migrate import check_schema
from recsys.drops.zone import WEEK_SOURCE, LandingZone
from recsys.errors import NothingToRecommend
from recsys.first_plan import FirstPlan, with_challenger
from recsys.ingest.ledger import register_drops
from recsys.limits import check_limits
from recsys.promotion.mirror import mirror_champion
from recsys.promotion.retire import refuse_retired
from recsys.recipe import Recipe
from recsys.request import RunRequest
from recsys.settings import Settings
from recsys.steps.opening import open_planned
from recsys.tuning.ledger import recipe_named
from recsys.week import WeekPlan, warn_of_order, week_taken_in
from recsys.work import Work

__all__ = ["find_recipe", "find_week", "list_recipes", "resolve_week"]


def resolve_week(work: Work, request: RunRequest, today: date | None = None) -> WeekPlan:
    """Return the week that a run is about, as the ledger has it from now on; register its drops.

    What the request leaves open is as in the week's first run, else as in the settings. Raises
    DropError where a new drop's checksums do not agree, and RequestError for a number out of its
    limits, a week that is retired, or an as_of more than 7 days after `today` (by default by the
    clock, UTC): nothing is stored then.
    """
    zone = LandingZone(work.settings.drops)
    check_limits(request.numbers)
    today = today or datetime.now(UTC).date()  # the one look at a clock
    as_of = date_of_week(work.settings, zone, request, today)
    with advisory_lock(work.conn, Lock.DROPS):
        week = register_week(work, zone, request, as_of)
        mirror_champion(work.conn, work.registry)
    warn_of_order(work.conn, week)
    return with_challenger(week)


def list_recipes(_work: Work, week: WeekPlan) -> list[Recipe]:
    """Return the week's recipes, each of which is fitted by a train_model of its own."""
    return list(week.recipes)


@overload
def find_week(work: Work, as_of: date | None) -> WeekPlan: ...


@overload
def find_week(work: Work, as_of: date | None, *, required: bool) -> WeekPlan | None: ...


def find_week(work: Work, as_of: date | None, *, required: bool = True) -> WeekPlan | None:
    """Return the newest week, up to a date if one is given, whose drops are in.

    Raises NothingToRecommend without one, or returns None where it is not required.
    """
    check_schema(work.conn)
    week = week_taken_in(work.conn, as_of)
    if week is None and required:
        until = f" up to {as_of}" if as_of else ""
        raise NothingToRecommend(
            f"no week{until} has its drops in: expected one that ran at least to ingest_drops"
        )
    return week


def find_recipe(work: Work, week: WeekPlan, name: str) -> Recipe:
    """Return a recipe's default by its name, or a tuned one that the week admits by its key.

    Raises ModelError for what is neither.
    """
    return recipe_named(work.conn, week.as_of, name)


def date_of_week(settings: Settings, zone: LandingZone, request: RunRequest, today: date) -> date:
    """Return the day that a run is about. Raises RequestError where it is too far ahead."""
    as_of = request.as_of or newest_drop(settings, zone, today)
    zone.refuse_ahead(as_of, today, allow_future=settings.allow_future)
    return as_of


def register_week(work: Work, zone: LandingZone, request: RunRequest, as_of: date) -> WeekPlan:
    """Store a week's drops and its plan; return it. The caller holds the lock of the drops."""
    check_schema(work.conn)
    refuse_retired(work.conn, as_of)
    register_drops(work.conn, zone, as_of)
    plan = FirstPlan.of(work.settings, work.conn, as_of, request)
    return open_planned(work.conn, plan, request)


def newest_drop(settings: Settings, zone: LandingZone, today: date) -> date:
    """Return the day of the newest drop. Raises NothingToRecommend where there is none."""
    newest = zone.newest(WEEK_SOURCE, today=today, allow_future=settings.allow_future)
    if newest is None:
        raise NothingToRecommend(
            f"no complete {WEEK_SOURCE} drop in {zone.uri}: expected {WEEK_SOURCE}/<YYYY-MM-DD>/ "
            "with _SUCCESS in it, dated at most 7 days after today"
        )
    return newest.date
