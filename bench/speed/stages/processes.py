"""A whole ordinary week, each step in a process of its own: what memory each takes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from inspect import signature
from tempfile import TemporaryFile
from typing import Any, ClassVar

from bench.speed.stages.base import Seconds
from bench.speed.stages.week import OURS, WholeWeek
from recsys.costs import Cost
from recsys.db.queries import checks
from recsys.errors import RecsysError
from recsys.models import COMPETING
from recsys.promotion.approval import UNASKED
from recsys.request import RunRequest
from recsys.settings import Settings
from recsys.steps import STEPS, Step, function_of
from recsys.week import WeekPlan, WeekRun

IDLE = "a process that calls no step"


class WeekInProcesses(WholeWeek):
    """Each step's seconds and peak memory, as of a task without Airflow in it. The libraries count,
    so that the figure of a process that does nothing stands beside them.
    """

    name = "memory"
    title = "the whole week, each step a process of its own: popularity, ALS"
    recipes: ClassVar[Sequence[str]] = ("popularity", "als")

    def measure(self, rounds: int) -> Seconds:
        seconds = dict(super().measure(rounds))
        idle = timed_idle()
        del self.peaks[OURS]  # the largest of the steps', which stand below
        self.peaks = {IDLE: idle.peak_bytes, **self.peaks}
        return {OURS: seconds.pop(OURS), IDLE: [idle.seconds], **seconds}

    def run(self, settings: Settings, as_of: date) -> WeekPlan:
        environment = environment_of(settings, self.recipes)
        week = Week(environment, as_of.isoformat()).run()
        return WeekRun.from_json(week).plan


class DefaultWeek(WeekInProcesses):
    """The week as it is for who changes nothing."""

    name = "defaults"
    title = "the whole week, each step a process of its own: all recipes that compete by default"
    recipes = COMPETING


@dataclass
class Week:
    """A week under way: the results of its steps so far, as JSON."""

    environment: Mapping[str, str]
    as_of: str
    results: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Any:
        """Call all steps in their order; return the week."""
        for step in STEPS:
            call = self.answer if step.is_answered else self.call_each
            self.results[step.name] = call(step)
        return self.results["resolve_week"]

    def answer(self, step: Step) -> Any:
        """Return the answer to a proposal that nobody is asked about."""
        proposal = self.results[step.needs[0]]
        return replace(UNASKED, proposal_id=proposal["proposal_id"]).to_json()

    def call_each(self, step: Step) -> Any:
        """Call a step for each of what it maps over; return the last result."""
        parts = self.parts(step)
        return [self.call(step.name, *self.needed(step), *part) for part in parts][-1]

    def needed(self, step: Step) -> list[Any]:
        """Return the results that a step is called with."""
        if step.takes_request:
            request = RunRequest(run_id=OURS).to_json()
            return [request | {"as_of": self.as_of}]
        return [self.results[name] for name in step.needs]

    def parts(self, step: Step) -> list[list[Any]]:
        """Return the argument of each call of its own, none where there is one call."""
        if step.maps_over == "checks":
            return [[path.stem] for path in checks()]
        if step.maps_over is None:
            return [[]]
        listed = self.call(f"list_{step.maps_over}", self.results["resolve_week"])
        return [[each] for each in listed]

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a step in a process of its own, and return its result."""
        _, *names = signature(function_of(name)).parameters
        inputs = dict(zip(names, arguments, strict=False))
        if "resolve_week" in self.results:
            inputs.setdefault("week", self.results["resolve_week"])
        return call_in_process(name, inputs, self.environment)


def call_in_process(name: str, inputs: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    """Return the result of `recsys step NAME`. Raises RecsysError where it fails."""
    with TemporaryFile("w+") as answer:
        fd = str(answer.fileno())
        process = subprocess.run(
            [sys.executable, "-m", "recsys", "step", name, "--result-fd", fd],
            input=json.dumps(inputs),
            env=dict(environment),
            pass_fds=[answer.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
        answer.seek(0)
        text = answer.read()
    if process.returncode:
        raise RecsysError(f"step {name} ended with status {process.returncode}: {text}")
    return json.loads(text)["result"]


def environment_of(settings: Settings, recipes: Sequence[str]) -> dict[str, str]:
    """Return this process' environment with these settings, and no others of recsys'."""
    own = {
        "RECSYS_DATABASE_URL": settings.database_url.get_secret_value(),
        "RECSYS_DROPS": settings.drops,
        "RECSYS_MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "RECSYS_RECIPES": ",".join(recipes),
        "RECSYS_HOME": os.devnull,  # which has no settings file
    }
    others = {key: text for key, text in os.environ.items() if not key.startswith("RECSYS_")}
    return others | own


def timed_idle() -> Cost:
    """Return what a process costs that has what every step imports and calls none."""
    code = """
import recsys.step_call
from recsys.costs import measured
with measured() as cost:
    pass
print(cost.peak_bytes)
"""
    started = time.perf_counter()
    peak = int(subprocess.check_output([sys.executable, "-c", code]))
    return Cost(time.perf_counter() - started, peak)
