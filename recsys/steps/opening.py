"""Opening a week: its run, its plan and its experiment enter the ledger together."""

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.experiment import begin_experiment
from recsys.first_plan import FirstPlan
from recsys.limits import check_limits
from recsys.request import RunRequest
from recsys.week import WeekPlan, open_week

__all__ = ["open_planned"]


def open_planned(conn: Connection, plan: FirstPlan, request: RunRequest) -> WeekPlan:
    """Store the run, the week and the experiment, together; return the week."""
    named = plan.recipes(request.recipes) if request.recipes else None
    wishes = {"recipes": named, "top_n": request.top_n, "experiment": plan.experiment}
    first = plan.week().with_parameters(**wishes)
    check_limits(first.numbers)
    with conn.transaction():
        record_run(conn, request)
        week = open_week(conn, first)
        enter_experiment(conn, plan, request)
    return week.with_parameters(**wishes)


def record_run(conn: Connection, request: RunRequest) -> None:
    """Store the run that asks for the week, where it has a kind."""
    if request.run_kind:
        run = {
            "run_id": request.run_id,
            "kind": request.run_kind,
            "started_by": request.started_by,
        }
        conn.execute(queries("ledger")["record_run"], run)


def enter_experiment(conn: Connection, plan: FirstPlan, request: RunRequest) -> None:
    """Store the experiment that the run itself asks for, if any."""
    if plan.experiment and request.challenger:
        begin_experiment(conn, plan.as_of, plan.experiment, request.run_id)
