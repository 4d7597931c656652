"""The project's DAGs, parsed once."""

import pytest

from tests import airflow_home


@pytest.fixture(scope="session")
def dagbag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(airflow_home.ROOT / "dags")


@pytest.fixture(scope="session")
def weekly(dagbag):
    """The DAG weekly_recommendations."""
    return dagbag.dags["weekly_recommendations"]


@pytest.fixture(scope="session")
def tuning(dagbag):
    """The DAG tune_recipes."""
    return dagbag.dags["tune_recipes"]
