"""One step called from anywhere: its inputs and its result as JSON, its cost stored."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from recsys.costs import keep_cost, measured
from recsys.promotion.approval import Approval
from recsys.recipe import Recipe
from recsys.request import Run, RunRequest
from recsys.settings import Settings
from recsys.steps import STEPS, function_of
from recsys.week import WeekPlan, WeekRun
from recsys.work import Work, open_work

__all__ = ["call_measured", "call_step"]

#: How an input is read, by its name; others are numbers, texts and lists of these.
READ: dict[str, Callable[[Any], Any]] = {
    "as_of": lambda day: date.fromisoformat(day) if day else None,
    "week": WeekRun.from_json,
    "request": RunRequest.from_json,
    "recipe": Recipe.from_json,
    "approval": Approval.from_json,
    "challenger_version": lambda version: version or None,
}
WEEKLY = {step.name for step in STEPS}
ASK_FOR_NO_WEEK = {step.name for step in STEPS if "resolve_week" not in step.needs}


def call_step(settings: Settings, name: str, inputs: Mapping[str, Any]) -> Any:
    """Call a step with inputs as JSON, by the names of its parameters; return its result as JSON.

    Raises LookupError where there is no such step, and whatever the step raises.
    """
    arguments = {key: READ.get(key, as_is)(value) for key, value in inputs.items()}
    week, run = week_and_run(settings, arguments)
    if name in ASK_FOR_NO_WEEK:
        arguments.pop("week", None)  # their cost is the week's
    with open_work(settings, run) as work:
        if name in WEEKLY:
            result = call_measured(work, name, week, _part(arguments), **arguments)
        else:
            result = function_of(name)(work, **arguments)
    return _to_json(WeekRun(result, run) if isinstance(result, WeekPlan) else result)


def call_measured(
    work: Work, name: str, week: WeekPlan | None, part: str, /, *arguments: Any, **named: Any
) -> Any:
    """Call a step of a week, store what it cost, and return its result.

    The first steps have no week yet: they return it, or at least its day.
    """
    with measured() as cost:
        result = function_of(name)(work, *arguments, **named)
    keep_cost(work, (week or result).as_of, name, cost, part=part)
    return result


def week_and_run(settings: Settings, arguments: dict[str, Any]) -> tuple[WeekPlan | None, Run]:
    """Return the week that a step is called for, which it takes as its plan, and the run."""
    if "week" in arguments:
        week_run: WeekRun = arguments["week"]
        arguments["week"] = week_run.plan
        return week_run.plan, week_run.run
    if "request" in arguments:
        return None, Run.of(arguments["request"], settings)
    return None, Run(run_id=arguments.pop("run_id", ""))


def as_is(value: Any) -> Any:
    return value


def _part(arguments: Mapping[str, Any]) -> str:
    """Return which of its kind a call is, where a week has several."""
    if "recipe" in arguments:
        return arguments["recipe"].key
    if "shard" in arguments:
        return f"shard {arguments['shard']}"
    return arguments.get("check", "")


def _to_json(result: Any) -> Any:
    if isinstance(result, list | tuple):
        return [_to_json(item) for item in result]
    return result.to_json() if hasattr(result, "to_json") else result
