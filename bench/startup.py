"""`python -m bench.startup`: seconds until a command answers, and until a task has its imports.

Each figure is the least of three processes: what else runs on the machine only adds to it. A
command is asked for its --help. A task's imports are the operators and its step's module, after
Airflow's own. MLflow is a line by itself: a step imports it when it first opens the registry.
Exits with status 1 where a figure is above the limit.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from recsys.steps import OTHERS, STEPS

LIMIT = 1.5
REPEATS = 3
REPOSITORY = Path(__file__).parents[1]
RECSYS = (sys.executable, "-m", "recsys")
#: Airflow's own modules first, then what is ours, by the clock.
TASK = """
import importlib, time
import airflow.providers.postgres.hooks.postgres, airflow.providers.standard.operators.hitl
start = time.perf_counter()
import recsys_airflow.operators, recsys_airflow.hook, recsys.step_call
importlib.import_module("recsys.steps.{module}")
print(time.perf_counter() - start)
"""
MLFLOW = """
import time, recsys.registry
start = time.perf_counter()
import recsys.registry.store
print(time.perf_counter() - start)
"""

Measure = Callable[[], float]


def main() -> int:
    """Print a line each; return 1 where one is above the limit."""
    with tempfile.TemporaryDirectory() as airflow_home:
        os.environ |= {
            "AIRFLOW_HOME": airflow_home,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}",
        }
        slow = [name for name, measure in measures() if report(name, measure) > LIMIT]
        report("MLflow, for steps that open the registry", partial(seconds_printed, MLFLOW))
    if slow:
        print(f"above {LIMIT} s: {', '.join(slow)}")
    return 1 if slow else 0


def measures() -> Iterator[tuple[str, Measure]]:
    """Yield what is held to the limit: a name, and how to measure it once."""
    yield "recsys --help", partial(seconds_to_answer, "--help")
    for command in commands():
        yield f"recsys {command} --help", partial(seconds_to_answer, command, "--help")
    for module in step_modules():
        yield f"task of recsys.steps.{module}", partial(seconds_printed, TASK.format(module=module))


def commands() -> list[str]:
    """Return the names of the commands, as the help lists them."""
    help_text = subprocess.run([*RECSYS, "--help"], capture_output=True, text=True, check=True)
    return re.findall(r"^ {4}([a-z]+)\b", help_text.stdout, re.MULTILINE)


def step_modules() -> list[str]:
    """Return the modules that have steps, in the order of the week."""
    modules = [*(step.module for step in STEPS if step.module), *OTHERS.values()]
    return list(dict.fromkeys(modules))


def report(name: str, measure: Measure) -> float:
    """Print and return the least of some measurements."""
    seconds = min(measure() for _ in range(REPEATS))
    print(f"{seconds:6.2f} s  {name}", flush=True)
    return seconds


def seconds_to_answer(*words: str) -> float:
    """Return how long the command takes in all."""
    start = time.perf_counter()
    subprocess.run([*RECSYS, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def seconds_printed(code: str) -> float:
    """Return the seconds that the code measures itself, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    sys.exit(main())
