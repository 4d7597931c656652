"""The same losses through a real MLflow server: what a store says by an exception, a server says by
a status.
"""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from recsys.db.connect import Connection
from recsys.promotion import ledger
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps
from tests.mlflow_server import running_mlflow


@pytest.fixture
def mlflow_store(empty_mlflow_store: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server of the test's own, as `stack` starts one, without its login."""
    shutil.copy(empty_mlflow_store, tmp_path / "mlflow.db")
    with running_mlflow(tmp_path) as url:
        yield url


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
