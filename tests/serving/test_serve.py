"""`python -m recsys serve`, as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from recsys.settings import Settings
from stack.ports import free_port
from tests.serving.conftest import Keys
from tests.serving.test_for_ratings import URL

REPOSITORY = Path(__file__).parents[2]
DATABASES = ("RECSYS_DATABASE_URL", "RECSYS_API_DATABASE_URL")


def environment_of(settings: Settings) -> dict[str, str]:
    """What a server of the API alone has: its own role, and MLflow."""
    assert settings.api_database_url
    url = settings.api_database_url.get_secret_value()
    return os.environ | {
        "RECSYS_DATABASE_URL": url,
        "RECSYS_API_DATABASE_URL": url,
        "RECSYS_MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "RECSYS_API_MODELS": settings.api_models,
        "RECSYS_THREADS": "1",
        "PYTHONPATH": str(REPOSITORY),
    }


class Server(NamedTuple):
    """A running server, and where it logs."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    log = tmp_path / "serve.log"
    command = [sys.executable, "-m", "recsys", "serve", "--port", str(port), "--workers", "2"]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, env=environment_of(settings), stdout=out, stderr=out, cwd=tmp_path
        ) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_healthy(url, process)
            yield Server(url, log, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"no answer at {url}; the server ended with {process.poll()}")


@pytest.mark.slow
def test_two_workers_serve_lists_and_the_champion_with_the_apis_role_alone(
    server: Server, keys: Keys
) -> None:
    headers = {"Authorization": f"Bearer {keys.predict}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as client:
        answers = [client.get("/v1/users/1/recommendations").json() for _ in range(10)]
        items = answers[-1]["items"]
        body = {"ratings": [{"movie_id": item["movie_id"], "rating": 5} for item in items]}
        assert client.post(URL, json=body | {"fold_in": True}).json()["items"]
        # each request has a connection of its own, and so reaches either worker
        for _ in range(10):
            counted = httpx.get(
                f"{server.url}/metrics", headers=headers, trust_env=False, timeout=60
            ).text
            series = 'route="/v1/users/{user_id}/recommendations",status="200"'
            (line,) = [line for line in counted.splitlines() if series in line]
            assert float(line.split()[-1]) == 10
        assert client.get(f"/v1/users/1/recommendations?key={keys.read}").status_code == 422
    log = server.log.read_text()
    assert "GET /v1/users/{user_id}/recommendations 200" in log
    assert not any(key.split("_", 2)[2] in log for key in keys)
    assert "Traceback" not in log


def test_serve_prints_its_address_without_a_database(tmp_path: Path) -> None:
    environment = os.environ | {
        "RECSYS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, "-m", "recsys", "serve"]
    shown = subprocess.run(
        [*command, "--url", "--port", "8123"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert shown.stdout == "http://127.0.0.1:8123\n"
    refused = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert refused.returncode == 1 and "RECSYS_API_DATABASE_URL" in refused.stdout


def test_an_address_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            [sys.executable, "-m", "recsys", "serve", "--port", port],
            env=os.environ | dict.fromkeys(DATABASES, "postgresql://nobody@127.0.0.1:1/none"),
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: " in refused.stdout and "--port" in refused.stdout
