"""The hook and the operators: what reaches recsys.pipeline, and what is not tried again."""

import sys
from datetime import UTC, date, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import recsys
from recsys.errors import DropError, LedgerError, NothingToRecommend
from recsys.recipe import Recipe
from recsys.week import Week
from tests import airflow_home  # noqa: F401 - chooses Airflow's home

ALS = Recipe("als", (("factors", 64),))
WEEK = Week(date(2018, 9, 24), 7, (ALS,), 10, 1, 4.0, 1_000, 5, 180.0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]]:
    """What was asked of recsys.pipeline, which answers with the function's name, or with the week."""
    asked: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = []

    class Pipeline(ModuleType):
        def __getattr__(self, name: str) -> Any:
            def step(settings: Any = None, *args: Any, **kwargs: Any) -> Any:
                asked.append((name, settings, args, kwargs))
                return WEEK if name in ("resolve_week", "find_week") else name

            return step

    fake = Pipeline("recsys.pipeline")
    monkeypatch.setitem(sys.modules, "recsys.pipeline", fake)
    monkeypatch.setattr(recsys, "pipeline", fake, raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", "postgres://pipeline:p%40ss%2Fword@db.example:5433/recsys?sslmode=require")
    monkeypatch.setenv("RECSYS_SCORE_SHARDS", "3")
    return asked


def run(name: str, context: Any = None, **kwargs: Any) -> Any:
    from recsys_airflow import operators

    operator = getattr(operators, name)(task_id=name, week=WEEK.to_json(), execution_timeout=timedelta(minutes=7), **kwargs)
    return operator.execute(context or {})


def test_settings_come_from_the_connection_and_the_tasks_timeout(calls) -> None:
    from psycopg.conninfo import conninfo_to_dict

    run("RefreshViews")
    settings = calls[0][1]
    assert settings.statement_timeout == timedelta(minutes=7)
    assert conninfo_to_dict(settings.database_url.get_secret_value()) == {
        "user": "pipeline",
        "password": "p@ss/word",
        "host": "db.example",
        "port": "5433",
        "dbname": "recsys",
        "sslmode": "require",
    }


@pytest.mark.parametrize(
    ("name", "kwargs", "function", "arguments"),
    [
        ("IngestDrops", {}, "ingest_drops", (WEEK,)),
        ("RefreshViews", {}, "refresh_views", ()),
        ("TrainModel", {"recipe": ALS.to_json()}, "train_model", (WEEK, ALS)),
        ("ExamineModels", {}, "examine_models", (WEEK,)),
        ("RefitWinner", {}, "refit_winner", (WEEK,)),
        ("PromoteChampion", {"model_version": "3"}, "promote_champion", (WEEK, "3")),
        ("ScoreUsers", {"shard": 1}, "score_users", (WEEK, 1)),
        ("PublishRecommendations", {}, "publish_recommendations", (WEEK,)),
        ("TuneRecipe", {"recipe": "als", "n_trials": "30"}, "tune_recipe", (WEEK, "als")),
        ("ReportWeek", {"notes": ["", "no imdb"]}, "report_week", (WEEK, ["no imdb"])),
    ],
)
def test_an_operator_is_one_call(calls, name: str, kwargs: dict[str, Any], function: str, arguments: tuple[Any, ...]) -> None:
    returned = run(name, **kwargs)
    assert [(call[0], call[2]) for call in calls] == [(function, arguments)]
    assert returned == (None if name == "RefreshViews" else function)


def test_resolve_week_passes_on_what_was_asked(calls) -> None:
    run_of = SimpleNamespace(run_type="manual", data_interval_end=None)
    params = {"as_of": "2018-09-24", "recipes": ["als"], "top_n": 20}
    assert Week.from_json(run("ResolveWeek", {"dag_run": run_of, "params": params})) == WEEK
    run("ResolveWeek", {"dag_run": run_of, "params": {"as_of": None, "recipes": None, "top_n": None}})
    run_of = SimpleNamespace(run_type="scheduled", data_interval_end=datetime(2018, 9, 17, tzinfo=UTC))
    run("ResolveWeek", {"dag_run": run_of, "params": {"as_of": None, "recipes": None, "top_n": None}})
    assert [call[3] for call in calls] == [
        {"as_of": date(2018, 9, 24), "recipes": ["als"], "top_n": 20},
        {"as_of": None, "recipes": None, "top_n": None},
        {"as_of": date(2018, 9, 17), "recipes": None, "top_n": None},
    ]


def test_find_week_asks_for_the_runs_week(calls) -> None:
    run_of = SimpleNamespace(run_type="scheduled", data_interval_end=datetime(2018, 10, 1, tzinfo=UTC))
    assert Week.from_json(run("FindWeek", {"dag_run": run_of, "params": {}})) == WEEK
    run_of = SimpleNamespace(run_type="manual", data_interval_end=None)
    for asked in ("2018-09-24", None):
        run("FindWeek", {"dag_run": run_of, "params": {"as_of": asked}})
    assert [(call[0], call[2]) for call in calls] == [
        ("find_week", (date(2018, 10, 1),)),
        ("find_week", (date(2018, 9, 24),)),
        ("find_week", (None,)),
    ]


def test_trials_come_as_text_and_go_as_a_number(calls) -> None:
    run("TuneRecipe", recipe="als", n_trials="30")
    assert calls[0][3] == {"n_trials": 30}


def test_what_is_mapped_over(calls) -> None:
    assert run("ListTunable", {"params": {"recipes": ["als"]}}) == ["als"]
    assert run("ListTunable", {"params": {"recipes": None}}) == "list_tunable"
    assert run("ListRecipes") == [ALS.to_json()]
    assert run("ListShards") == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "again"), [(DropError, False), (NothingToRecommend, False), (LedgerError, True), (OSError, True)]
)
def test_what_repeating_cannot_help_is_not_repeated(
    calls, monkeypatch: pytest.MonkeyPatch, error: type[Exception], again: bool
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    def fail(*_: Any) -> None:
        raise error("ratings.csv line 3: rating '55' is not between 0.5 and 5")

    monkeypatch.setattr(sys.modules["recsys.pipeline"], "ingest_drops", fail, raising=False)
    with pytest.raises(error if again else AirflowFailException, match=r"ratings\.csv line 3"):
        run("IngestDrops")
