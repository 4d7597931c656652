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
def rollback(dagbag):
    """The DAG rollback_publication, parsed where the database does not answer."""
    return dagbag.dags["rollback_publication"]


@pytest.fixture(scope="session")
def tuning(dagbag):
    """The DAG tune_recipes."""
    return dagbag.dags["tune_recipes"]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the notifier logs. Airflow takes the log over when it is first imported, so that is done
    before.
    """
    import airflow.sdk  # noqa: F401

    caplog.set_level("WARNING", "recsys_airflow.notify")
    return caplog
