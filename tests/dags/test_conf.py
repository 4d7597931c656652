"""A key of a run's conf that is no Param: refused by the first task, in every DAG, before anything
waits or is done.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from tests import airflow_home  # noqa: F401 - chooses Airflow's home

DAGS = ("weekly_recommendations", "tune_recipes", "rollback_publication", "retire_week")


def refuse(dagbag: Any, dag_id: str, conf: Any) -> list[str]:
    """What each first task of a DAG says to a conf."""
    from airflow.sdk.exceptions import AirflowFailException

    dag = dagbag.dags[dag_id]
    context: Any = {"dag": dag, "dag_run": SimpleNamespace(conf=conf), "params": dag.params}
    sentences = []
    for task in (task for task in dag.tasks if not task.upstream_task_ids):
        with pytest.raises(AirflowFailException) as error:
            task.execute(context)
        sentences.append(str(error.value))
    return sentences


@pytest.mark.parametrize("dag_id", DAGS)
@pytest.mark.parametrize("key", ["as_off", "topn", "x", "", "AS_OF"])
def test_an_unknown_key_fails_the_first_tasks_of_every_dag(dagbag, dag_id: str, key: str) -> None:
    sentences = refuse(dagbag, dag_id, {key: "2018-09-24"})
    assert len(sentences) == (2 if dag_id == "weekly_recommendations" else 1)
    for text in sentences:
        assert f"conf names {key!r}" in text and f"{dag_id} has no such Param" in text
        assert ", ".join(sorted(dagbag.dags[dag_id].params)) in text


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("as-of", "as_of"),
        ("as_off", "as_of"),
        ("asof", "as_of"),
        ("topN", "top_n"),
        ("recipe", "recipes"),
    ],
)
def test_the_nearest_param_is_suggested(dagbag, key: str, meant: str) -> None:
    for text in refuse(dagbag, "weekly_recommendations", {key: None, "top_n": 3}):
        assert f"{key!r} (did you mean {meant!r}?)" in text


@pytest.mark.parametrize(
    "conf",
    [
        None,
        {},
        {"as_of": "2018-09-24", "top_n": 3},
        {"airflow/task_span_detail_level": 2},  # Airflow's own
    ],
)
def test_what_the_form_and_airflow_put_there_passes(weekly, conf: Any) -> None:
    from recsys_airflow.conf import check_conf

    context: Any = {"dag": weekly, "dag_run": SimpleNamespace(conf=conf)}
    check_conf(context)
