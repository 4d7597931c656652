"""Steps called one by one, each with work of its own, as tasks call them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from recsys import run
from recsys.db.queries import checks
from recsys.promotion.approval import UNASKED, Approval
from recsys.request import Run, RunRequest
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


def publish_recommendations(
    settings: Settings,
    week: WeekPlan,
    promotion_id: int,
    challenger_version: str | None = None,
    run: Run | None = None,
) -> int:
    """Publish, with the similar movies that come before."""
    decided = (week, promotion_id, challenger_version)
    run_step(settings, "find_similar_movies", *decided, run=run)
    return run_step(settings, "publish_recommendations", *decided, run=run)


def examined(settings: Settings, as_of: date, run: Run | None = None, **request: Any) -> WeekPlan:
    """A week up to its exam."""
    week = resolve_week(settings, as_of=as_of, **request)
    run_step(settings, "ingest_drops", week)
    run_step(settings, "refresh_views")
    run_step(settings, "examine_models", week, run=run)
    return week


def answered(
    settings: Settings, week: WeekPlan, approval: Approval = UNASKED, run: Run | None = None
) -> Approval:
    """Propose a champion and answer, as ask_approval passes it on."""
    proposal = run_step(settings, "propose_champion", week, run=run)
    return replace(approval, proposal_id=proposal.proposal_id)


def refit_winner(
    settings: Settings, week: WeekPlan, approval: Approval = UNASKED, run: Run | None = None
) -> str:
    """Propose and refit, unless the answer says what was proposed."""
    if approval.proposal_id is None:
        approval = answered(settings, week, approval, run)
    return run_step(settings, "refit_winner", week, approval, run=run)


def promote_champion(
    settings: Settings,
    week: WeekPlan,
    model_version: str,
    approval: Approval = UNASKED,
    run: Run | None = None,
) -> int:
    """Propose, which finds what was proposed before, and promote."""
    if approval.proposal_id is None:
        approval = answered(settings, week, approval, run)
    return run_step(settings, "promote_champion", week, model_version, approval, run=run)


def check_facts(settings: Settings) -> None:
    """Run every check."""
    for path in checks():
        run_step(settings, "check_facts", path.stem)


def __getattr__(name: str) -> Callable[..., Any]:
    """Return a function that calls the step of that name with settings in the place of its work."""
    if name.startswith("_"):
        raise AttributeError(name)
    return lambda settings, *arguments, **named: run_step(settings, name, *arguments, **named)
