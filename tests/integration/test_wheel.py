"""The wheel, installed in an environment of its own: no checkout, no Airflow, only what the wheel
declares.
"""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import mlflow
import pandas as pd
import pytest

from recsys.db.queries import SQL
from recsys.registry.fit_key import code_version
from recsys.registry.store import Registry
from recsys.settings import Settings
from stack.postgres import Postgres
from tests.databases import create_database
from tests.wheels import ROOT, build_wheel, install_alone

#: Imports every module and tells what was imported, from where.
EVERY_MODULE = """
import importlib, importlib.util, json, pkgutil, sys
import recsys
from recsys.registry.fit_key import code_version

names = [module.name for module in pkgutil.walk_packages(recsys.__path__, "recsys.")]
for name in names:
    importlib.import_module(name)
print(json.dumps({
    "modules": names,
    "file": recsys.__file__,
    "path": sys.path,
    "code": code_version(),
    "others": [name for name in ("airflow", "pytest", "stack") if importlib.util.find_spec(name)],
}))
"""
#: Two users, with a movie that each has rated.
GIVEN = {"user_id": [1, 2], "movie_ids": [[1], [2]], "ratings": [[5.0], [4.5]]} | {
    "rated_at": [[1_500_000_000], [1_500_000_060]]
}
#: As docs/how-to/app-developer.md says, the answer as JSON.
ASK = """
import mlflow, pandas
print(mlflow.pyfunc.load_model("models:/movie-recommender@champion").predict(
    pandas.DataFrame(%s), params={"n": 3}).to_json())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel alone."""
    return install_alone(wheel, tmp_path_factory.mktemp("environment"))


@pytest.fixture
def run(programs: Path, settings: Settings, tmp_path: Path) -> Callable[..., str]:
    """Run a program of that environment in an empty folder; return what it printed."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    named = settings.model_dump(include=settings.model_fields_set - {"database_url", "recipes"})
    environment = {f"RECSYS_{name.upper()}": str(value) for name, value in named.items()} | {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RECSYS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"],
    }

    def run(program: str, *arguments: str, **more: str) -> str:
        done = subprocess.run(
            [str(programs / program), *arguments],
            cwd=folder,
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_wheel_holds_all_of_the_library_and_its_sql(wheel: Path) -> None:
    packed = set(ZipFile(wheel).namelist())
    library = {path.relative_to(ROOT) for path in (ROOT / "recsys").rglob("*") if path.is_file()}
    queries = {"recsys/sql" / path.relative_to(SQL) for path in SQL.rglob("*") if path.is_file()}
    files = {str(path) for path in library | queries if "__pycache__" not in path.parts}
    assert {name for name in packed if ".dist-info/" not in name} == files
    assert "recsys/py.typed" in files


def test_the_library_needs_only_what_its_wheel_declares(run: Callable[..., str]) -> None:
    there = json.loads(run("python", "-c", EVERY_MODULE))
    assert {"recsys.models.als", "recsys.registry.served_model"} <= set(there["modules"])
    assert there["file"].endswith("site-packages/recsys/__init__.py")
    assert not [path for path in there["path"] if Path(path).is_relative_to(ROOT)]
    assert there["others"] == []
    assert there["code"] == code_version(), "a checkout's fits would be fitted again by the wheel"


def test_the_command_migrates_an_empty_database(
    run: Callable[..., str], postgres: Postgres
) -> None:
    assert "The weekly movie recommender" in run("recsys", "--help")
    create_database(postgres, "migrated_by_the_wheel", template="template1")
    database = {"RECSYS_DATABASE_URL": postgres.url("migrated_by_the_wheel")}
    assert ".sql" in run("recsys", "migrate", **database)
    assert run("recsys", "migrate", **database).strip() == (
        "applied: nothing, the schema is up to date"
    )


def test_a_week_and_its_champion_with_the_wheel_alone(
    run: Callable[..., str], settings: Settings, weeks: list[date]
) -> None:
    run("recsys", "run", "--as-of", str(weeks[0]), "--recipes", "popularity", "als")
    answer = pd.DataFrame(json.loads(run("python", "-c", ASK % GIVEN)))
    assert answer["user_id"].tolist() == [1, 2]
    assert answer["movie_ids"].map(len).tolist() == [3, 3]
    assert Registry(settings).champion()  # and MLflow's client speaks to the test's store
    served = mlflow.pyfunc.load_model("models:/movie-recommender@champion")
    in_checkout = served.predict(pd.DataFrame(GIVEN), params={"n": 3})
    assert in_checkout["movie_ids"].tolist() == answer["movie_ids"].tolist()
