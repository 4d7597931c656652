"""An MLflow server of a test's own, as `stack` starts one, without its login."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from stack.ports import free_port


@contextmanager
def running_mlflow(folder: Path) -> Iterator[str]:
    """Start a server on `mlflow.db` of a folder, yield its address, and stop it after."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", url.rsplit(":", 1)[1], "--workers", "1"]
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_healthy(server, url, folder / "server.log")
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def wait_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < give_up:
        try:
            if httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.25)
    pytest.fail(f"MLflow's server is not healthy:\n{log.read_text()[-2000:]}")
