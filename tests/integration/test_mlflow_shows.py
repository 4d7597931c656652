"""What people see in MLflow: figures where the fits are, fits beneath their week, lines over the
weeks, words on everything.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from mlflow.entities import Run
from mlflow.models import get_model_info

from recsys.db.connect import Connection
from recsys.first_plan import FirstPlan
from recsys.promotion import ledger
from recsys.recipe import Recipe
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps

PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
BLEND = Recipe.of(
    "blend", members=[{"name": "als", "settings": {"factors": 8}}, {"name": "popularity"}]
)
RECIPES = (Recipe.of("popularity"), Recipe.of("als", factors=8), BLEND)


@pytest.fixture
def two_weeks(settings: Settings, weeks: list[date], monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Two weeks, in which a blend competes with its members."""
    monkeypatch.setattr(FirstPlan, "recipes", lambda *_: RECIPES)
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    return weeks[:2]


def all_runs(registry: Registry) -> list[Run]:
    return list(
        registry.client.search_runs([registry.experiment_id, registry.charts_id], max_results=1000)
    )


def shown_as(metric: str, part: str) -> str:
    name = metric.replace("@", "_at_").replace(",", "")
    return name if part == "all" else f"{name} {part}"


def figures(conn: Connection, as_of: date, recipe_key: str) -> Mapping[str, float]:
    """The exam's figures by the names that MLflow has them under."""
    query = "SELECT metric, slice, value FROM exam_results WHERE as_of = %s AND recipe_key = %s"
    return {
        shown_as(row.metric, row.slice): row.value
        for row in conn.execute(query, [as_of, recipe_key])
    }


def test_fits_lie_beneath_their_week_and_no_two_runs_have_one_name(
    settings: Settings, two_weeks: list[date]
) -> None:
    registry = Registry(settings)
    by_id = {run.info.run_id: run for run in all_runs(registry)}
    fits = [run for run in by_id.values() if "fit_key" in run.data.tags]
    assert {run.data.tags["kind"] for run in fits} == {"validation", "exam", "refit"}
    for run in fits:
        tags = run.data.tags
        assert by_id[tags[PARENT]].info.run_name == f"week {tags['as_of']}"
        assert run.info.run_name.startswith(f"{tags['recipe']} {tags['as_of']} {tags['kind']}")
    names = [run.info.run_name for run in by_id.values()]
    assert len(set(names)) == len(names)
    week = registry.week_run(two_weeks[0])
    beneath = registry.client.search_runs(
        [registry.experiment_id], f"tags.`{PARENT}` = '{week}' and tags.kind = 'exam'"
    )
    assert {run.data.tags["recipe"] for run in beneath} == {recipe.key for recipe in RECIPES}


def test_an_exams_figures_are_with_the_fits_and_on_lines_over_the_weeks(
    settings: Settings, two_weeks: list[date], conn: Connection
) -> None:
    registry = Registry(settings)
    for as_of in two_weeks:
        best = registry.client.search_runs(
            [registry.experiment_id],
            f"tags.kind = 'exam' and tags.as_of = '{as_of}'",
            order_by=["metrics.NDCG_at_10 DESC"],
        )
        assert [run.data.metrics["NDCG_at_10"] for run in best] == sorted(
            (figures(conn, as_of, recipe.key)["NDCG_at_10"] for recipe in RECIPES), reverse=True
        )
        for run in best:
            expected = figures(conn, as_of, run.data.tags["recipe"])
            assert {"NDCG_at_10 light users", "NDCG_at_10 heavy users"} < set(expected)
            assert {name: run.data.metrics.get(name) for name in expected} == pytest.approx(
                expected
            )

    lines = registry.client.search_runs([registry.charts_id])
    assert {run.info.run_name for run in lines} == {recipe.key for recipe in RECIPES}
    for run in lines:
        line = registry.client.get_metric_history(run.info.run_id, "NDCG_at_10")
        expected = [
            figures(conn, as_of, run.data.tags["recipe"])["NDCG_at_10"] for as_of in two_weeks
        ]
        assert [metric.value for metric in line] == pytest.approx(expected)
        assert [metric.step for metric in line] == [
            (as_of - date(1970, 1, 1)).days // 7 for as_of in two_weeks
        ]
        moments = [
            datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC).timestamp() * 1000
            for as_of in two_weeks
        ]
        assert [metric.timestamp for metric in line] == moments


def test_the_champions_version_says_how_it_did_and_everything_has_a_description(
    settings: Settings, two_weeks: list[date], conn: Connection
) -> None:
    registry, champion = Registry(settings), ledger.newest_champion(conn)
    assert champion
    version = registry.client.get_model_version_by_alias(settings.registered_model, "champion")
    expected = figures(conn, two_weeks[1], champion.recipe.key)
    assert version.tags["exam NDCG_at_10"] == f"{expected['NDCG_at_10']:.4f}"
    assert version.tags[f"decision {champion.promotion_id}"].startswith(f"week {two_weeks[1]}")
    assert f"| NDCG@10 | {expected['NDCG_at_10']:.4f} |" in (version.description or "")
    run = registry.client.get_run(str(version.run_id))
    assert {name: run.data.metrics.get(f"exam {name}") for name in expected} == pytest.approx(
        expected
    )
    assert "champion" in str(
        registry.client.get_registered_model(settings.registered_model).description
    )
    assert "evaluat" in registry.client.get_experiment(registry.experiment_id).tags[NOTE]
    assert "week by week" in registry.client.get_experiment(registry.charts_id).tags[NOTE]
    signature = get_model_info(f"models:/{settings.registered_model}@champion").signature
    assert signature.outputs.input_names() == ["user_id", "movie_ids", "scores"]


def test_words_of_a_persons_own_stay(settings: Settings, two_weeks: list[date]) -> None:
    registry = Registry(settings)
    registry.client.set_experiment_tag(registry.experiment_id, NOTE, "ours")
    registry.client.update_registered_model(settings.registered_model, "ours too")
    steps.run_week(settings, as_of=two_weeks[1])
    registry = Registry(settings)
    assert registry.client.get_experiment(registry.experiment_id).tags[NOTE] == "ours"
    assert registry.client.get_registered_model(settings.registered_model).description == "ours too"


def everything(registry: Registry) -> object:
    """All that a rerun must not change, the ends of runs included."""
    runs = {
        run.info.run_id: (
            run.info.status,
            run.info.end_time,
            run.data.tags,
            run.data.params,
            run.data.metrics,
        )
        for run in all_runs(registry)
    }
    lengths = {
        (run_id, name): len(registry.client.get_metric_history(run_id, name))
        for run_id, (_, _, _, _, metrics) in runs.items()
        for name in metrics
        if "NDCG" in name
    }
    versions = [
        (version.version, version.tags, version.description)
        for version in registry.client.search_model_versions()
    ]
    return runs, lengths, versions


def test_running_the_weeks_again_changes_nothing_and_ends_no_run_anew(
    settings: Settings, two_weeks: list[date]
) -> None:
    registry = Registry(settings)
    before = everything(registry)
    for as_of in two_weeks:
        steps.run_week(settings, as_of=as_of)
    assert everything(registry) == before
    weeks = [run for run in all_runs(registry) if run.data.tags.get("kind") == "week"]
    assert {run.info.status for run in weeks} == {"FINISHED"}


def test_a_weeks_run_ends_with_its_report_and_later_weeks_leave_it(
    settings: Settings, weeks: list[date]
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    steps.examine_models(settings, week)
    registry = Registry(settings)
    run_id = registry.week_run(weeks[0])
    assert registry.client.get_run(run_id).info.status == "RUNNING"
    steps.run_week(settings, as_of=weeks[0])
    ended = registry.client.get_run(run_id).info
    assert ended.status == "FINISHED"
    steps.run_week(settings, as_of=weeks[1])  # judges the lists of the first
    after = registry.client.get_run(run_id)
    assert after.info.end_time == ended.end_time
    assert any(name.startswith("observed") for name in after.data.metrics)
