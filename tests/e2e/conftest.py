"""Airflow's metadata database, the DAGs, and an environment in which its tasks find a test's own
installation.
"""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from recsys.settings import Settings
from tests import airflow_home


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """An SQLite file under Airflow's home."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def installation(
    settings: Settings, airflow_database: None, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The test's settings, which the DAG's tasks read from the environment and from the connection
    recsys_db.
    """
    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", settings.database_url.get_secret_value())
    for name, value in in_environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture(scope="session")
def weekly():
    """The DAG weekly_recommendations, its retries without the pauses between them."""
    return parsed("weekly_recommendations")


def parsed(dag_id: str):
    """The DAG as its file gives it now, its retries without the pauses between them."""
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(airflow_home.ROOT / "dags").dags[dag_id]
    for task in dag.tasks:
        task.retry_delay, task.retry_exponential_backoff = timedelta(0), 0
    return dag


def in_environment(settings: Settings) -> Mapping[str, str]:
    """What differs from the defaults, the database apart, as variables."""
    named = settings.model_dump(include=settings.model_fields_set - {"database_url"})
    return {f"RECSYS_{name.upper()}": str(value) for name, value in named.items()}
