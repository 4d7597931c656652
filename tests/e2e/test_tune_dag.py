"""The DAG tune_recipes in one process: `dag.test()`, a real database, a real MLflow store."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from recsys.db.connect import Connection
from recsys.drops.replay import replay
from recsys.settings import Settings
from stack.datasets.movielens import generate_movielens
from tests import steps
from tests.e2e.conftest import parsed

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="session")
def tuning() -> Any:
    """The DAG tune_recipes, its retries without the pauses between them."""
    return parsed("tune_recipes")


@pytest.fixture
def weeks(tmp_path: Path, installation: Settings) -> list[date]:
    generate_movielens(tmp_path / "movielens", users=40, movies=80, ratings=1_200, seed=7)
    return replay(tmp_path / "movielens", installation.drops, weeks=1)


def test_a_run_by_hand_twice(
    tuning: Any, weeks: list[date], installation: Settings, conn: Connection
) -> None:
    week = steps.resolve_week(installation, as_of=weeks[0])
    steps.ingest_drops(installation, week)
    steps.refresh_views(installation)
    for _ in range(2):
        run = tuning.test(run_conf={"as_of": str(weeks[1]), "recipes": ["popularity"], "trials": 2})
        assert {
            (task.task_id, task.map_index): str(task.state) for task in run.get_task_instances()
        } == {
            ("find_week", -1): "success",
            ("list_tunable", -1): "success",
            ("tune_recipe", 0): "success",
        }
        kept = conn.execute(
            "SELECT number, recipe ->> 'name' AS name, study FROM tuning_trials ORDER BY number"
        ).fetchall()
        assert [(row.number, row.name) for row in kept] == [(0, "popularity"), (1, "popularity")]
        assert all(row.study.startswith(f"popularity {weeks[0]} ") for row in kept)
    weeks_known = conn.execute("SELECT as_of FROM weeks").fetchall()
    assert [row.as_of for row in weeks_known] == [weeks[0]], (
        "looking for a week to tune on opens none"
    )
