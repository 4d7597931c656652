"""`run_week`: all steps of a week in this process, without Airflow."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from getpass import getuser
from typing import Any

from recsys.db.queries import checks
from recsys.promotion.approval import UNASKED, Approval, Proposal
from recsys.request import Run, RunRequest
from recsys.settings import Settings
from recsys.step_call import call_measured
from recsys.steps import STEPS, Step, function_of
from recsys.steps.publish import list_shards
from recsys.week import WeekPlan
from recsys.work import Work, open_work

__all__ = ["run_step", "run_week", "time_out"]

#: Called where a person must agree to a new champion.
Approve = Callable[[Proposal], Approval]


def time_out(_proposal: Proposal) -> Approval:
    """Answer as nobody does: the present champion stays."""
    return Approval("timed out")


def run_week(
    settings: Settings,
    request: RunRequest,
    *,
    approve: Approve = time_out,
    on_step: Callable[[str], None] = lambda _step: None,
) -> WeekPlan:
    """Run the steps in order; return the week. What each step costs is stored.

    A request without a run id is run by whoever is at the terminal. `approve` answers where a
    person must agree to a new champion; `on_step` gets each step's name as it begins.
    """
    if not request.run_id:
        request = replace(request, run_id=f"{getuser()} at a terminal")
    results: dict[str, Any] = {}
    with open_work(settings, Run.of(request, settings)) as work:
        for step in STEPS:
            if step.is_answered:
                results[step.name] = answer(results["propose_champion"], approve)
                continue
            arguments = [results[name] for name in step.needs] or _first(step, request)
            for part, own in calls(work, step, results):
                on_step(f"{step.name} {part}".rstrip())
                week = results.get("resolve_week")
                results[step.name] = call_measured(work, step.name, week, part, *arguments, *own)
    return results["resolve_week"]


def run_step(
    settings: Settings, name: str, *arguments: Any, run: Run | None = None, **named: Any
) -> Any:
    """Run one function of recsys.steps by its name, with work of its own; return its result."""
    with open_work(settings, run) as work:
        return function_of(name)(work, *arguments, **named)


def _first(step: Step, request: RunRequest) -> Sequence[Any]:
    """Steps before there is a week take the request; others that need no result take nothing."""
    return [request] if step.takes_request else []


def calls(work: Work, step: Step, results: dict[str, Any]) -> Iterable[tuple[str, list[Any]]]:
    """Return for each call of a step its part, as costs name it, and the argument of its own."""
    if step.maps_over == "checks":
        return [(path.stem, [path.stem]) for path in checks()]
    if step.maps_over == "recipes":
        return [(recipe.key, [recipe]) for recipe in results["resolve_week"].recipes]
    if step.maps_over == "shards":
        shards = list_shards(work, results["resolve_week"])
        return [(f"shard {shard}", [shard]) for shard in shards]
    return [("", [])]


def answer(proposal: Proposal, approve: Approve) -> Approval:
    """Return the answer to a proposal, with the proposal's id."""
    approval = approve(proposal) if proposal.needs_approval else UNASKED
    return replace(approval, proposal_id=proposal.proposal_id)
