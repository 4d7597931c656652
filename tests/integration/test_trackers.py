"""How runs end when their process does, and where else than in MLflow they are shown."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from recsys.recipe import Recipe
from recsys.registry.description import FitDescription
from recsys.registry.store import Registry
from recsys.registry.termination import is_dead, this_process
from recsys.settings import Settings
from tests.pages import ROOT

#: Opens a fit's run, says so, and fits until somebody ends it.
FIT = """
import sys, time
from tests.integration.test_trackers import description, settings_of
from recsys.registry.store import Registry
with Registry(settings_of(sys.argv[1])).run(description(sys.argv[2])) as run:
    print(run.run_id, flush=True)
    for step in range(6_000):
        time.sleep(0.01)
"""
pytestmark = pytest.mark.slow


def settings_of(uri: str, **others: object) -> Settings:
    values = {"database_url": SecretStr("postgresql://none"), "mlflow_tracking_uri": uri} | others
    return Settings(_env_file=None, **values)  # pyright: ignore


def description(key: str) -> FitDescription:
    recipe = Recipe("popularity", ())
    return FitDescription(key, recipe, "exam", date(2026, 11, 16), "c", "", {"ratings": 9})


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def registry(uri: str) -> Registry:
    registry = Registry(settings_of(uri))
    assert registry.experiment_id  # made before the other process looks
    return registry


@pytest.fixture
def fit(uri: str, registry: Registry) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", FIT, uri, "a1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        yield process
        process.kill()


def status_of(registry: Registry, run_id: str) -> str:
    return registry.client.get_run(run_id).info.status


def test_a_fit_that_is_terminated_shows_as_failed(registry: Registry, fit) -> None:
    run_id = fit.stdout.readline().strip()
    assert status_of(registry, run_id) == "RUNNING"
    fit.send_signal(signal.SIGTERM)
    assert fit.wait(60) == 128 + signal.SIGTERM
    assert status_of(registry, run_id) == "FAILED"


def test_a_fit_that_is_killed_is_failed_by_the_next_fit_and_one_at_work_is_not(
    registry: Registry, fit
) -> None:
    run_id = fit.stdout.readline().strip()
    registry.close_dead()
    assert status_of(registry, run_id) == "RUNNING"
    fit.kill()
    fit.wait(60)
    with pytest.raises(ZeroDivisionError), registry.run(description("b2")):
        raise ZeroDivisionError
    assert status_of(registry, run_id) == "FAILED"


def test_a_process_is_dead_where_its_id_is_nobodys_or_anothers() -> None:
    host, number, start = this_process().split(" ")
    assert not is_dead(this_process())
    assert is_dead(f"{host} {number} 1{start}")
    assert is_dead(f"{host} 4194999 {start}")
    assert not is_dead(f"elsewhere {number} 1")


def test_a_run_shows_what_the_machine_does_where_the_settings_say_so(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    for measured in (True, False):
        registry = Registry(settings_of(uri, system_metrics=measured))
        with pytest.raises(ZeroDivisionError), registry.run(description(f"m{measured}")) as run:
            time.sleep(1.5)
            raise ZeroDivisionError
        metrics = registry.client.get_run(run.run_id).data.metrics
        assert ("system/cpu_utilization_percentage" in metrics) == measured


def test_a_fit_is_a_run_of_weights_and_biases_too(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    registry = Registry(settings_of(uri, trackers="mlflow,wandb"))
    with pytest.raises(ZeroDivisionError), registry.run(description("w1")) as run:
        run.report("NDCG@10 of validation", 0.25, 1)
        raise ZeroDivisionError
    (kept,) = (tmp_path / "wandb").glob(f"offline-run-*-{run.run_id}/run-{run.run_id}.wandb")
    written = kept.read_bytes()
    for text in (b"NDCG_at_10 of validation", b"weekly-recommendations", b"fit_key", b"ratings"):
        assert text in written
    time.sleep(1.1)  # W&B names a folder by the second; a fit and its exam are minutes apart
    registry.record_figures(run.run_id, date(2026, 11, 16), {"Recall@20": 0.5})
    runs = (tmp_path / "wandb").glob(f"offline-run-*/run-{run.run_id}.wandb")
    assert b"Recall_at_20" in b"".join(path.read_bytes() for path in runs)


def test_no_run_of_weights_and_biases_without_its_name(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    with pytest.raises(ZeroDivisionError), registry.run(description("n1")) as run:
        run.report("loss", 0.25, 1)
        raise ZeroDivisionError
    assert not (tmp_path / "wandb").exists()


@pytest.mark.parametrize("trackers", ["wandb", "mlflow,neptune", ""])
def test_trackers_that_are_none_are_refused(trackers: str) -> None:
    with pytest.raises(ValidationError, match="expected mlflow or mlflow,wandb"):
        settings_of("sqlite://", trackers=trackers)
