"""A week run by an Airflow whose environment has no library that fits, stores or scores models."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from datetime import date
from importlib.metadata import distribution
from pathlib import Path

import pytest

from recsys.db.connect import Connection
from recsys.drops.replay import replay
from recsys.settings import Settings
from stack.datasets.movielens import generate_movielens
from tests.airflow_home import HOME, ROOT

LOCK = "requirements-airflow.txt"
MODELS = ("torch", "implicit", "mlflow", "sklearn", "scipy", "optuna", "sentence_transformers")
#: Parses the DAG and runs it, as `airflow dags test` does.
RUN = f"""
import sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag({str(ROOT / "dags")!r}).dags["weekly_recommendations"]
run = dag.test(run_conf={{"as_of": sys.argv[1]}})
loaded = sorted(set(sys.modules) & set({MODELS!r}))
sys.exit(f"{{run.state}} {{loaded}}" if str(run.state) != "success" or loaded else 0)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that finds what requirements-airflow.txt names, and no other package."""
    folder = tmp_path_factory.mktemp("airflow")
    packages = folder / "packages"
    packages.mkdir()
    for name in re.findall(r"^([\w.-]+)==", (ROOT / LOCK).read_text(), re.MULTILINE):
        for path in top_of(name):
            link = packages / path.name
            if not link.exists():
                link.symlink_to(path)
    venv.create(folder / "env", symlinks=True)
    site = next((folder / "env" / "lib").glob("python*/site-packages"))
    (site / "packages.pth").write_text(f"{packages}\n")
    python = folder / "env" / "bin" / "python"
    for name in MODELS:
        done = subprocess.run(
            [python, "-c", f"import {name}"], capture_output=True, text=True, check=False
        )
        assert "ModuleNotFoundError" in done.stderr, name
    return python


def top_of(name: str) -> set[Path]:
    """Return the folders and files of a distribution that lie at the top of site-packages."""
    files = distribution(name).files or []
    names = {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}
    return {Path(sysconfig.get_path("purelib")) / name for name in names}


def test_airflows_own_lock_is_part_of_the_one_lock() -> None:
    own = (ROOT / LOCK).read_text().splitlines()
    whole = (ROOT / "requirements.txt").read_text().splitlines()
    assert len(own) > 100
    assert set(own) <= set(whole), "make lock"
    assert not [line for line in own if line.startswith(MODELS)]


def test_every_page_opens_without_torch_in_airflow(python: Path, settings: Settings) -> None:
    assert settings.api_database_url
    url = settings.api_database_url.get_secret_value()
    done = subprocess.run(
        [python, "-m", "tests.serving.opened_pages", url],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.e2e
def test_a_week_without_torch_in_airflow(
    python: Path, installation: Settings, conn: Connection, tmp_path: Path
) -> None:
    generate_movielens(tmp_path / "published", users=60, movies=150, ratings=2_400, seed=7)
    as_of = replay(tmp_path / "published", installation.drops, weeks=1)[0]
    environment = os.environ | {
        "AIRFLOW_HOME": str(HOME),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        "RECSYS_RECIPES": "popularity,als",
        "RECSYS_STEP_COMMAND": f"{sys.executable} -m recsys",
    }
    done = subprocess.run(
        [python, "-c", RUN, str(as_of)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert live_week(conn) == as_of
    costs = conn.execute("SELECT count(DISTINCT step) AS n FROM step_times").fetchone()
    assert costs.n == 17, "every step's cost is that of its child"


def live_week(conn: Connection) -> date:
    return conn.execute("SELECT DISTINCT as_of FROM recommendations").fetchone().as_of
