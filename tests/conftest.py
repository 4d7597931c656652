"""What tests share: a real PostgreSQL with a database of its own for each test, and a real MLflow
store.
"""

# ruff: noqa: E402 - the environment is cleaned before recsys.settings reads it

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

# Before recsys.settings is imported: a developer's own stack and variables are none of the tests'
# business.
for _name in [name for name in os.environ if name.startswith(("RECSYS_", "MLFLOW_"))]:
    if _name != "RECSYS_SCREENSHOTS":  # where tests in a browser leave theirs
        del os.environ[_name]
os.environ["RECSYS_HOME"] = "/nonexistent/recsys-tests"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pytest
from psycopg import sql
from pydantic import SecretStr

from recsys.db.connect import Connection, connect
from recsys.db.migrate import migrate
from recsys.settings import Settings
from stack.postgres import Postgres
from tests.databases import create_database, execute
from tests.no_skips import (  # noqa: F401 - hooks, which pytest takes from here
    pytest_collection_modifyitems,
    pytest_make_collect_report,
    pytest_runtest_makereport,
)

TEMPLATE = "recsys_template"
_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One embedded server a pytest process, with the roles of sql/bootstrap.sql; gone with the
    session.
    """
    state = Path(tempfile.mkdtemp(prefix="recsys-tests-"))
    server = Postgres(state, durable=False)
    try:
        server.start()
        yield server
    finally:
        server.remove()
        shutil.rmtree(state)


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """The migrated database that each test's own is a copy of."""
    create_database(postgres, TEMPLATE, template="template1")
    with connect(Settings(database_url=SecretStr(postgres.url(TEMPLATE)))) as conn:
        migrate(conn)
    return TEMPLATE


@pytest.fixture
def database_url(postgres: Postgres, template: str) -> Iterator[str]:
    """A fresh database with the project's schema, as the role recsys_pipeline, which owns it."""
    name = f"test_{next(_numbers)}"
    create_database(postgres, name, template=template)
    yield postgres.url(name)
    execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def settings(postgres: Postgres, database_url: str, tmp_path: Path, mlflow_store: str) -> Settings:
    """Settings of a small installation of the test's own: database, landing zone, MLflow store;
    titles without weights.
    """
    database = database_url.rsplit("/", 1)[1]
    return Settings(
        database_url=SecretStr(database_url),
        api_database_url=SecretStr(postgres.url(database, "recsys_api")),
        operator_database_url=SecretStr(postgres.url(database, "recsys_operator")),
        drops=str(tmp_path / "drops"),
        checkpoints=str(tmp_path / "checkpoints"),
        mlflow_tracking_uri=mlflow_store,
        title_model="/nonexistent/title-model",
        threads=1,
        bootstrap_resamples=200,
    )


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    """An autocommit connection to the test's database."""
    with connect(Settings(database_url=SecretStr(database_url))) as connection:
        yield connection


@pytest.fixture(scope="session")
def empty_mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with MLflow's schema and nothing in it: making one takes seconds, copying it
    nothing.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("mlflow")
    SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts"))
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_store(empty_mlflow_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tracking URI of a real store of the test's own: runs and registry in SQLite, artifacts in
    a folder, no server.
    """
    shutil.copy(empty_mlflow_store, tmp_path / "mlflow.db")
    # Without a server this variable is the only way to say where a new experiment keeps its
    # artifacts.
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(tmp_path / "mlflow-artifacts"))
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def pip_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty pip.conf, the only one; of this machine's own configuration nothing is left."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "pip.conf"
    path.write_text("")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return path
