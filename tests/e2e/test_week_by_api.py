"""POST /v1/weeks starts a run of the weekly DAG in a running Airflow."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from recsys.db.connect import connect
from recsys.serving.key_ledger import NewKey, create_key
from stack.environment import ADMIN
from tests.e2e.running_airflow import WEEKLY, Installation, running_installation
from tests.serving.conftest import Api

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running_installation(tmp_path_factory.mktemp("stack")) as running:
        yield running


def test_a_week_is_started_and_wrong_params_are_refused(installation: Installation) -> None:
    home = installation.stack.home
    update = {
        "api_database_url": SecretStr(installation.stack.postgres.url("recsys", "recsys_api")),
        "airflow_url": home.url("airflow"),
        "airflow_user": ADMIN,
        "airflow_password": SecretStr(home.secret("airflow_admin")),
    }
    settings = installation.stack.settings().model_copy(update=update)
    with connect(settings) as conn:
        key = create_key(conn, NewKey(scope="admin", created_by="a test"))
    api = Api(settings, key)
    body = {"as_of": str(installation.week), "recipes": ["popularity"], "top_n": 7}
    started = api.post("/v1/weeks", json=body)
    assert started.status_code == 202, started.text
    run = started.json()
    assert run["dag_id"] == WEEKLY and run["state"] == "queued"
    (listed,) = (
        each for each in installation.api.runs_of(WEEKLY) if each["dag_run_id"] == run["run_id"]
    )
    assert listed["conf"]["top_n"] == 7 and listed["conf"]["as_of"] == str(installation.week)
    refused = api.post("/v1/weeks", json=body | {"recipes": ["no such thing"]})
    assert refused.status_code == 422 and "no such thing" in refused.json()["detail"]
    other = settings.model_copy(update={"airflow_password": SecretStr("wrong")})
    assert Api(other, key).post("/v1/weeks", json=body).status_code == 503
