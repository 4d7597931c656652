"""The plan: which week a run is about, what it admits, and who competes in it."""

from datetime import UTC, date, datetime

from recsys.db.connect import Lock, advisory_lock
from recsys.db.migrate import check_schema
from recsys.db.queries import queries
from recsys.drops.zone import LandingZone
from recsys.errors import NothingToRecommend
from recsys.experiment import begin_experiment
from recsys.first_plan import FirstPlan, with_challenger
from recsys.ingest.ledger import register_drops
from recsys.limits import check_limits
from recsys.promotion.mirror import mirror_champion
from recsys.promotion.retire import refuse_retired
from recsys.recipe import Recipe
from recsys.request import RunRequest
from recsys.settings import Settings
from recsys.tuning.ledger import recipe_named
from recsys.week import WeekPlan, open_week, warn_of_order, week_taken_in
from recsys.work import Work

__all__ = ["find_recipe", "find_week", "list_recipes", "resolve_week"]


def resolve_week(work: Work, request: RunRequest, today: date | None = None) -> WeekPlan:
    """Return the week that a run is about, as the ledger has it from now on; register its drops.

    What the request leaves open is as in the week's first run, else as in the settings. Raises
    DropError where a new drop's checksums do not agree, and RequestError for a number out of its
    limits, a week that is retired, or an as_of more than 7 days after `today` (by default by the
    clock, UTC): nothing is stored then.
    """
    settings = work.settings
    conn = work.conn
    zone = LandingZone(settings.drops)
    check_limits(request.numbers)
    today = today or datetime.now(UTC).date()  # the one look at a clock
    as_of = request.as_of or newest_drop(settings, zone, today)
    zone.refuse_ahead(as_of, today, allow_future=settings.allow_future)
    with advisory_lock(conn, Lock.DROPS):
        check_schema(conn)
        refuse_retired(conn, as_of)
        register_drops(conn, zone, as_of)
        plan = FirstPlan.of(settings, conn, as_of, request)
        week = _open(work, plan, request)
        mirror_champion(conn, work.registry)
    warn_of_order(work.conn, week)
    return with_challenger(week)


def list_recipes(_work: Work, week: WeekPlan) -> list[Recipe]:
    """Return the week's recipes, each of which is fitted by a train_model of its own."""
    return list(week.recipes)


def find_week(work: Work, as_of: date | None) -> WeekPlan:
    """Return the newest week, up to a date if one is given, whose drops are in.

    Raises NothingToRecommend without one.
    """
    check_schema(work.conn)
    week = week_taken_in(work.conn, as_of)
    if week is None:
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


def _open(work: Work, plan: FirstPlan, request: RunRequest) -> WeekPlan:
    """Store the run, the week and the experiment, together; return the week."""
    named = plan.recipes(request.recipes) if request.recipes else None
    wishes = {"recipes": named, "top_n": request.top_n, "experiment": plan.experiment}
    first = plan.week().with_parameters(**wishes)
    check_limits(first.numbers)
    with work.conn.transaction():
        if request.run_kind:
            run = {
                "run_id": request.run_id,
                "kind": request.run_kind,
                "started_by": request.started_by,
            }
            work.conn.execute(queries("ledger")["record_run"], run)
        week = open_week(work.conn, first)
        if plan.experiment and request.challenger:
            begin_experiment(work.conn, plan.as_of, plan.experiment, request.run_id)
    return week.with_parameters(**wishes)


def newest_drop(settings: Settings, zone: LandingZone, today: date) -> date:
    newest = zone.newest("movielens", today=today, allow_future=settings.allow_future)
    if newest is None:
        raise NothingToRecommend(
            f"no complete movielens drop in {zone.uri}: expected movielens/<YYYY-MM-DD>/ with "
            "_SUCCESS in it, dated at most 7 days after today"
        )
    return newest.date
