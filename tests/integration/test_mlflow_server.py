"""The same losses through a real MLflow server: what a store says by an exception, a server says by
a status.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import mlflow
import pandas as pd
import pytest

from recsys.db.connect import Connection
from recsys.promotion import ledger
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps


@pytest.fixture
def mlflow_store(empty_mlflow_store: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server of the test's own, as `stack` starts one, without its login."""
    shutil.copy(empty_mlflow_store, tmp_path / "mlflow.db")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_healthy(server, f"http://127.0.0.1:{port}", tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _wait_healthy(server: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    give_up = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < give_up:
        try:
            if httpx.get(f"{uri}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.25)
    pytest.fail(f"MLflow's server is not healthy:\n{log.read_text()[-2000:]}")


def scored_again(settings: Settings, conn: Connection, as_of: date) -> str:
    """Digest of the week's rows, made again from the model."""
    conn.execute("DROP TABLE IF EXISTS published_lists_1")
    steps.run_week(settings, as_of=as_of)
    return conn.execute("SELECT rows_sha256 FROM publications WHERE is_live").fetchone().rows_sha256


def test_a_week_and_what_is_lost_of_it_through_a_server(
    settings: Settings, weeks: list[date], conn: Connection, tmp_path: Path
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    expected = scored_again(settings, conn, weeks[0])
    registry, name = Registry(settings), settings.registered_model
    best = registry.client.search_runs(
        [registry.experiment_id], "tags.kind = 'exam'", order_by=["metrics.NDCG_at_10 DESC"]
    )
    assert len({run.data.tags["mlflow.parentRunId"] for run in best}) == 1
    assert best[0].data.metrics["NDCG_at_10"] >= best[-1].data.metrics["NDCG_at_10"] > 0
    assert len(registry.client.search_runs([registry.charts_id])) == len(best)

    registry.client.delete_registered_model(name)
    assert scored_again(settings, conn, weeks[0]) == expected
    for folder in (tmp_path / "artifacts").glob("*/models/*"):
        shutil.rmtree(folder)
    assert scored_again(settings, conn, weeks[0]) == expected
    registry.client.delete_model_version(name, str(registry.champion()))
    assert scored_again(settings, conn, weeks[0]) == expected
    for path in (tmp_path / "artifacts").rglob("arrays.npz"):
        path.write_bytes(path.read_bytes()[:-100])
    assert scored_again(settings, conn, weeks[0]) == expected
    registry.client.delete_experiment(registry.experiment_id)
    assert scored_again(settings, conn, weeks[0]) == expected

    champion = ledger.newest_champion(conn)
    assert champion
    assert registry.champion() == registry.find_version(champion.model.fit_key)
    served = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    rated = conn.execute("SELECT * FROM ratings ORDER BY user_id, movie_id LIMIT 2").fetchall()
    given = {
        "user_id": [rated[0].user_id],
        "movie_ids": [[row.movie_id for row in rated]],
        "ratings": [[row.rating for row in rated]],
        "rated_at": [[int(row.rated_at.timestamp()) for row in rated]],
    }
    lists = served.predict(pd.DataFrame(given), params={"n": 3})["movie_ids"]
    assert len(lists[0]) == 3
