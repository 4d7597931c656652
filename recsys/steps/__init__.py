"""The week as data: its steps in order, each a function of that name in a module of this package.

A step's function is imported when it is called, so that a DAG's file can import this. Every
function takes a `Work` first and can run again any number of times: what is done it leaves, what
is half done it finishes. Steps pass each other small values; the rest goes through Postgres and the
model registry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, Literal

__all__ = ["OTHERS", "STEPS", "Step", "function_of"]

_MINUTES = timedelta(minutes=1)
_HOURS = timedelta(hours=1)


@dataclass(frozen=True)
class Step:
    """A step of the week.

    `needs` names the steps whose results it is called with, in the order of its parameters.
    `maps_over` says what it is called for one by one. `takes_request`: it is called with what the
    run asks for, before there is a week. `timeout` is the limit of each call and of
    each of its SQL statements. `module` is None where a person gives the result.
    """

    name: str
    module: str | None
    timeout: timedelta
    needs: tuple[str, ...] = ()
    maps_over: Literal["checks", "recipes", "shards"] | None = None
    takes_request: bool = False

    @property
    def is_answered(self) -> bool:
        """Whether a person gives its result, and no function does."""
        return self.module is None


_DECIDED = ("resolve_week", "promote_champion", "refit_challenger")

#: The one list of what a week is, in the order in which its steps run.
STEPS = (
    Step("collect_feedback", "feedback", 10 * _MINUTES, takes_request=True),
    Step("resolve_week", "plan", 10 * _MINUTES, takes_request=True),
    Step("ingest_drops", "facts", 3 * _HOURS, ("resolve_week",)),
    Step("refresh_views", "facts", 1 * _HOURS),
    Step("check_facts", "facts", 10 * _MINUTES, maps_over="checks"),
    Step("judge_publication", "watch", 1 * _HOURS, ("resolve_week",)),
    Step("train_model", "exam", 6 * _HOURS, ("resolve_week",), maps_over="recipes"),
    Step("examine_models", "exam", 3 * _HOURS, ("resolve_week",)),
    Step("watch_drift", "watch", 30 * _MINUTES, ("resolve_week",)),
    Step("propose_champion", "decide", 30 * _MINUTES, ("resolve_week",)),
    Step("ask_approval", None, 30 * _MINUTES, ("propose_champion",)),
    Step("refit_winner", "decide", 6 * _HOURS, ("resolve_week", "ask_approval")),
    Step("refit_challenger", "decide", 6 * _HOURS, ("resolve_week",)),
    Step(
        "promote_champion",
        "decide",
        30 * _MINUTES,
        ("resolve_week", "refit_winner", "ask_approval"),
    ),
    Step("score_users", "publish", 3 * _HOURS, _DECIDED, maps_over="shards"),
    Step("find_similar_movies", "publish", 1 * _HOURS, _DECIDED),
    Step("publish_recommendations", "publish", 1 * _HOURS, _DECIDED),
    Step(
        "report_week",
        "watch",
        10 * _MINUTES,
        ("resolve_week", "promote_champion", "publish_recommendations"),
    ),
)


#: What people and DAGs ask for besides: the function's name, and the module that has it.
OTHERS = {
    "list_recipes": "plan",
    "list_shards": "publish",
    "find_week": "plan",
    "list_tunable": "tune",
    "tune_recipe": "tune",
    "past_publications": "undo",
    "rollback_publication": "undo",
    "retire_week": "undo",
}


def function_of(name: str) -> Callable[..., Any]:
    """Return the function of a step, or of another request, by its name.

    Raises LookupError where there is none.
    """
    modules = {step.name: step.module for step in STEPS} | OTHERS
    module = modules.get(name)
    if module is None:
        names = ", ".join(name for name, module in modules.items() if module)
        raise LookupError(f"no step {name!r}; expected one of {names}")
    return getattr(import_module(f"recsys.steps.{module}"), name)
