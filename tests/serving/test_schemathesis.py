"""Schemathesis asks the running API: hundreds of requests made from its description, sound ones and
broken ones, with a key that opens everything. No answer is a 5xx, and each is as described.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from recsys.db.connect import connect
from recsys.recipe import Recipe
from recsys.serving.key_ledger import NewKey, create_key
from recsys.settings import Settings
from stack.ports import free_port
from stack.postgres import Postgres
from stack.reference import openapi_json
from tests import steps
from tests.databases import create_database
from tests.serving.conftest import World, drop_database, settings_of

pytestmark = [pytest.mark.system, pytest.mark.slow]

NAME = "serving_schemathesis"
#: Requests for each operation.
CASES = 20
#: Hypothesis would rather have small requests, made quickly.
HEALTH = [
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
]
#: There is no Airflow here, so that this answers 503: see test_weeks.py and tests/e2e.
AWAY = "/v1/weeks"
#: A description cannot say that n + offset is within the publication's depth, that a rating is of a
#: movie that is there, that the model knows a user.
NOT_SAID = [checks.positive_data_acceptance]


@pytest.fixture(scope="module")
def installation(postgres: Postgres, world: World, tmp_path_factory: Any) -> Iterator[Settings]:
    """A copy of the published week, with a model that predicts stars."""
    folder: Path = tmp_path_factory.mktemp("schemathesis")
    shutil.copy(world.folder / "mlflow.db", folder / "mlflow.db")
    shutil.copytree(world.folder / "drops", folder / "drops")
    create_database(postgres, NAME, template=world.database)
    own = settings_of(postgres, NAME, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder / "mlflow-artifacts"))
        week = steps.resolve_week(own, as_of=world.as_of)
        quick = {"max_epochs": 1, "rating_epochs": 1, "size": 8, "rating_size": 8}
        steps.train_model(own, week, Recipe.of("hybrid", **quick))
        yield own
    drop_database(postgres, NAME)


@pytest.fixture(scope="module")
def address(installation: Settings, tmp_path_factory: Any) -> Iterator[str]:
    """The address of `recsys serve` on that week."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    names = ("database_url", "api_database_url", "operator_database_url")
    secrets = {name: getattr(installation, name).get_secret_value() for name in names}
    plain = ("drops", "mlflow_tracking_uri", "title_model", "threads")
    values = secrets | {name: str(getattr(installation, name)) for name in plain}
    environment = {f"RECSYS_{name.upper()}": value for name, value in values.items()}
    log = tmp_path_factory.mktemp("log") / "api.log"
    command = [sys.executable, "-m", "recsys", "serve", "--port", str(port)]
    with (
        log.open("w") as file,
        subprocess.Popen(
            command, env=os.environ | environment, stdout=file, stderr=file
        ) as process,
    ):
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=30)
    text = log.read_text()
    assert "Traceback" not in text and "Task exception" not in text
    assert "postgresql://" not in text


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the API answers."""
    give_up = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < give_up:
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the API did not start")


@pytest.fixture(scope="module")
def key(installation: Settings) -> str:
    """A key that opens everything, as often as it likes."""
    with connect(installation) as conn:
        return create_key(conn, NewKey(scope="admin", created_by="a test", rate=1_000_000))


def operations() -> dict[str, Any]:
    """The operations of the description by name, but for the one that needs an Airflow."""
    schema = schemathesis.openapi.from_dict(json.loads(openapi_json())).exclude(path=AWAY)
    results = list(schema.get_all_operations())
    return {result.ok().label: result.ok() for result in results if isinstance(result, Ok)}


load_all_checks()
OPERATIONS = operations()
#: Each operation with sound requests, and with broken ones where anything can be broken.
REQUESTS = [
    (name, mode)
    for name in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if (name, mode) != ("GET /healthz", GenerationMode.NEGATIVE)
]


@pytest.mark.parametrize(("name", "mode"), REQUESTS)
def test_every_answer_is_as_the_description_says(
    name: str, mode: GenerationMode, address: str, key: str
) -> None:
    # a parameter that there is not is left out of account, as HTTP has it
    excluded = [*NOT_SAID, checks.negative_data_rejection] if name.startswith("GET") else NOT_SAID

    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode))
    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=HEALTH,
    )
    def ask(case: schemathesis.Case) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        case.call_and_validate(address, headers=headers, excluded_checks=excluded)

    ask()
