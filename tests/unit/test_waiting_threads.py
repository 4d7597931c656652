"""How threads of the numerical libraries wait, as the libraries themselves report it."""

import os
import subprocess
import sys

import pytest

from recsys.models import MODELS

pytestmark = pytest.mark.slow

#: Loads every recipe. OpenBLAS reports nothing, so it must find its variable when it is loaded.
LOAD_ALL = """
import os, sys
import recsys
assert not {"numpy", "scipy", "torch", "implicit"} & sys.modules.keys()
print("OPENBLAS_THREAD_TIMEOUT", os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
from recsys.models import MODELS, model_class
print(*[model_class(name).name for name in MODELS])
"""
VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_THREAD_TIMEOUT")


def report_of_libraries(chosen: dict[str, str]) -> str:
    """Return what a new process with these variables prints while it loads every recipe."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {"OMP_DISPLAY_ENV": "verbose"} | chosen
    command = [sys.executable, "-c", LOAD_ALL]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert " ".join(MODELS) in result.stdout
    return result.stdout + result.stderr


def values_of(report: str, name: str) -> set[str]:
    """Return the values that every loaded OpenMP runtime reports for a variable."""
    lines = [line.split("=") for line in report.splitlines() if f" {name} =" in line]
    assert lines, f"no OpenMP runtime reports {name}:\n{report}"
    return {value.strip(" '") for _, value in lines}


def test_threads_that_wait_for_others_sleep_instead_of_spinning() -> None:
    report = report_of_libraries({})
    assert values_of(report, "OMP_WAIT_POLICY") == {"PASSIVE"}
    assert values_of(report, "GOMP_SPINCOUNT") == {"0"}
    assert "OPENBLAS_THREAD_TIMEOUT 14\n" in report


@pytest.mark.parametrize(
    ("chosen", "spins"),
    [
        ({"OMP_WAIT_POLICY": "active"}, "30000000000"),
        ({"GOMP_SPINCOUNT": "1234"}, "1234"),
    ],
)
def test_a_users_own_choice_of_how_threads_wait_stays(chosen: dict[str, str], spins: str) -> None:
    report = report_of_libraries(chosen | {"OPENBLAS_THREAD_TIMEOUT": "20"})
    assert values_of(report, "GOMP_SPINCOUNT") == {spins}
    assert "OPENBLAS_THREAD_TIMEOUT 20\n" in report
