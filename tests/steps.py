"""Steps called one by one, each with work of its own, as tasks call them."""

from collections.abc import Callable
from typing import Any

from recsys import run
from recsys.db.queries import checks
from recsys.request import RunRequest
from recsys.run import run_step, time_out
from recsys.settings import Settings
from recsys.week import WeekPlan


def run_week(
    settings: Settings, *, approve: Any = time_out, on_step: Any = None, **request: Any
) -> WeekPlan:
    """Run all steps; what the run wants is given by name."""
    named = {"on_step": on_step} if on_step else {}
    return run.run_week(settings, RunRequest(**request), approve=approve, **named)


def resolve_week(settings: Settings, *, today: Any = None, **request: Any) -> WeekPlan:
    """Resolve the week; what the run wants is given by name."""
    return run_step(settings, "resolve_week", RunRequest(**request), today)


def score_users(
    settings: Settings,
    week: WeekPlan,
    promotion_id: int,
    shard: int,
    challenger_version: str | None = None,
) -> int:
    """Score a shard; most weeks have no challenger."""
    return run_step(settings, "score_users", week, promotion_id, challenger_version, shard)


def check_facts(settings: Settings) -> None:
    """Run every check."""
    for path in checks():
        run_step(settings, "check_facts", path.stem)


def __getattr__(name: str) -> Callable[..., Any]:
    """Return a function that calls the step of that name with settings in the place of its work."""
    if name.startswith("_"):
        raise AttributeError(name)
    return lambda settings, *arguments, **named: run_step(settings, name, *arguments, **named)
