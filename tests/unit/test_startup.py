"""What is imported before anything is done: a command's help, the list of steps, a task."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.startup import commands, step_modules

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MODELS = {"torch", "implicit", "mlflow", "sklearn", "sentence_transformers"}
TABLES = {"numpy", "scipy", "pandas", "pyarrow", "optuna"}
PLUGIN = """
import recsys_airflow.hook, recsys_airflow.lateness, recsys_airflow.operators
import recsys_airflow.params, recsys_airflow.publications, recsys_airflow.sensors
import recsys_airflow.triggers
"""
HELP = """
from recsys.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
"""


def packages_of(code: str, airflow_home: Path) -> set[str]:
    """The packages that a fresh process has imported once it has run the code."""
    path = f"{ROOT}:{ROOT / 'plugins'}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(); print(*sys.modules)"],
        env=os.environ | {"PYTHONPATH": path, "AIRFLOW_HOME": str(airflow_home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    ["import recsys", HELP, "import recsys.steps", PLUGIN],
    ids=["package", "help", "list of steps", "plugin"],
)
def test_what_only_declares_imports_no_model_and_no_table(code: str, tmp_path: Path) -> None:
    assert not (MODELS | TABLES) & packages_of(code, tmp_path)


@pytest.mark.parametrize("module", step_modules())
def test_a_steps_module_imports_no_model_and_no_mlflow(module: str, tmp_path: Path) -> None:
    assert not MODELS & packages_of(f"import recsys.steps.{module}", tmp_path)


def test_every_command_is_timed() -> None:
    assert {"run", "step", "drops", "migrate", "erase"} <= set(commands())
