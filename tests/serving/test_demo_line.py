"""What `make demo` says of the API at its end: the line to try it by, and the API alone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from recsys.settings import Settings
from stack import __main__ as launcher
from stack.home import Home
from stack.ports import free_port
from stack.private import write_private
from tests.mlflow_server import running_mlflow
from tests.serving.conftest import Keys
from tests.serving.test_for_ratings import URL
from tests.serving.test_serve import REPOSITORY, wait_until_healthy

pytestmark = pytest.mark.slow


@pytest.fixture
def home(settings: Settings, keys: Keys, tmp_path: Path) -> Iterator[Home]:
    """A folder of `make demo` in which only Postgres and MLflow run: no Airflow."""
    home = Home(tmp_path / "a home")  # with a space, as folders of people have
    home.create()
    home.set_port("api", free_port())
    write_private(home.api_key, keys.read + "\n")
    assert settings.api_database_url
    with running_mlflow(tmp_path) as mlflow:
        variables = {
            "RECSYS_DATABASE_URL": settings.database_url.get_secret_value(),
            "RECSYS_API_DATABASE_URL": settings.api_database_url.get_secret_value(),
            "RECSYS_API_MODELS": settings.api_models,
            "RECSYS_API_PORT": str(home.port("api")),
            "RECSYS_MLFLOW_TRACKING_URI": mlflow,
            "RECSYS_THREADS": "1",
        }
        lines = [f"{name}={text}\n" for name, text in variables.items()]
        write_private(home.recsys_env, "".join(lines))
        yield home


def environment_of(home: Home) -> dict[str, str]:
    """What a person's shell has: the folder, and nothing of its services."""
    others = {name: text for name, text in os.environ.items() if "RECSYS_" not in name}
    return others | {"RECSYS_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)}


@contextmanager
def serving(home: Home, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `recsys serve` without an option, and wait until it answers."""
    command = [sys.executable, "-m", "recsys", "serve"]
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=environment_of(home), stdout=out, stderr=out) as process,
    ):
        try:
            wait_until_healthy(home.url("api"), process)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def printed_line(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    """The line that `make demo` prints on a narrow terminal, as one copies it."""
    monkeypatch.setattr(launcher, "console", Console(force_terminal=True, width=80))
    launcher.show_api(home)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "curl" in line]
    return line.removeprefix("$ ")


@pytest.mark.system
def test_the_line_that_the_demo_prints_works_as_it_is(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    line = printed_line(home, monkeypatch, capsys)
    with serving(home, tmp_path / "serve.log"):
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path
        )
    answer = json.loads(done.stdout)
    assert len(answer["items"]) == 10 and answer["known"] is True
    assert home.api_key.stat().st_mode & 0o777 == 0o600


def test_serve_alone_needs_postgres_and_mlflow_and_no_airflow(
    home: Home, keys: Keys, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "recsys", "serve", "--url"]
    shown = subprocess.check_output(command, env=environment_of(home), text=True)
    assert shown == f"{home.url('api')}\n"
    headers = {"Authorization": f"Bearer {keys.predict}"}
    log = tmp_path / "serve.log"
    with (
        serving(home, log) as process,
        httpx.Client(
            base_url=shown.strip(), headers=headers, trust_env=False, timeout=60
        ) as client,
    ):
        assert client.get("/readyz").status_code == 200
        items = client.get("/v1/users/1/recommendations").json()["items"]
        body = {"ratings": [{"movie_id": item["movie_id"], "rating": 5} for item in items]}
        assert client.post(URL, json=body | {"fold_in": True}).json()["items"]
        process.send_signal(signal.SIGTERM)
        # uvicorn ends by the signal that it was sent, once all is closed
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
    text = log.read_text()
    assert "Traceback" not in text and "ERROR" not in text
