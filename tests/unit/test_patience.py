"""How long MLflow's client waits, by the variables that it reads itself."""

import os
import subprocess
import sys

import pytest
from urllib3.util import Retry

from recsys.registry.patience import BRIEF, PATIENT, brief


def waits(chosen: dict[str, str]) -> tuple[float, float]:
    """Seconds until the client gives up a server that refuses, and one that never answers; jitter
    left out.
    """
    retries = int(chosen["MLFLOW_HTTP_REQUEST_MAX_RETRIES"])
    retry = Retry(total=retries, backoff_factor=float(chosen["MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"]))
    between = 0.0
    for _ in range(retries):
        retry = retry.increment("GET", "/")
        between += retry.get_backoff_time()
    return between, between + (retries + 1) * float(chosen["MLFLOW_HTTP_REQUEST_TIMEOUT"])


def test_a_fit_outlasts_an_outage_of_two_minutes_and_gives_up_within_ten() -> None:
    refused, silent = waits(PATIENT)
    assert 120 < refused < 240
    assert silent <= 600


def test_a_mirror_gives_up_within_ten_seconds() -> None:
    assert max(waits(BRIEF)) <= 10


def test_brief_ends_with_its_block_and_leaves_what_the_environment_chose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "33")
    with brief(), brief():
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "33"
        assert (
            os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
            == BRIEF["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
        )
    assert {name: os.environ[name] for name in PATIENT} == PATIENT | {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "33"
    }


def test_mlflow_itself_reads_what_the_registry_sets() -> None:
    script = (
        "import recsys.registry, mlflow.environment_variables as names\n"
        "print(names.MLFLOW_HTTP_REQUEST_TIMEOUT.get(), "
        "names.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get(),"
        " names.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.get(), "
        "names.MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER.get())"
    )
    environment = {name: value for name, value in os.environ.items() if name not in PATIENT}
    environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "9"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["60", "9", "5", "False"]
