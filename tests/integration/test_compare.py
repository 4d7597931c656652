"""`recsys compare`: recipes beside each other on one exam, no fit made twice, no table touched."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.entities import Run

from recsys import cli, models
from recsys.cli import screen
from recsys.compare import comparing
from recsys.compare.comparing import Entry
from recsys.compare.data import data_of_release
from recsys.compare.results import Result, Results, result_key
from recsys.compare.runs import ComparisonRuns
from recsys.compare.standings import standings_of
from recsys.db.connect import Connection
from recsys.errors import ModelError
from recsys.evaluation.comparison import paired_bootstrap
from recsys.models.popularity import Popularity
from recsys.recipe import Recipe
from recsys.registry.compute import new_model
from recsys.settings import Settings
from recsys.terminal import terminal
from recsys.week import WeekPlan
from tests import steps

Call = Callable[..., tuple[int, str]]
Release = tuple[str, str]


class Broken(Popularity):
    """A recipe that cannot be fitted."""

    name = "broken"

    def fit(self, train, catalogue, **kwargs):
        raise ValueError("singular matrix")


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.MODELS, "broken", f"{__name__}:Broken")


@pytest.fixture
def week(settings: Settings, weeks: list[date]) -> WeekPlan:
    """The first week, its drops in and nothing fitted."""
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    return week


@pytest.fixture
def release(published: Path) -> Release:
    """The option that has recipes compared on a release's files."""
    return ("--data", str(published / "movielens"))


@pytest.fixture
def call(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Call:
    """Run `recsys compare` in 80 columns, its cache the test's own."""
    for name in ("mlflow_tracking_uri", "title_model", "threads", "bootstrap_resamples"):
        monkeypatch.setenv(f"RECSYS_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setattr(screen, "console", terminal(width=80))

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.main(["compare", *arguments, "--cache", str(tmp_path / "cache")])
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def n_fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The recipes' names, one for each fit that is made."""
    fits: list[str] = []
    fit = comparing.fit

    def counted(model: Any, *arguments: Any) -> None:
        fits.append(model.name)
        fit(model, *arguments)

    monkeypatch.setattr(comparing, "fit", counted)
    return fits


def rows_of(text: str) -> dict[str, list[str]]:
    """Return the table's cells by recipe; a recipe that is broken over lines is put together."""
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        if len(cells) > 1 and cells[3]:
            rows[cells[0]] = cells[1:]
        elif cells:
            last = next(reversed(rows))
            rows[last + cells[0]] = rows.pop(last)
    return rows


def digests(conn: Connection) -> dict[str, str]:
    """Return a digest of the rows of every table there is."""
    tables = conn.execute(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT "
        "IN ('pg_catalog', 'information_schema') ORDER BY 1"
    ).fetchall()
    query = "SELECT count(*) || md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) AS rows"
    return {
        table.name: conn.execute(f"{query} FROM {table.name} t".encode()).fetchone().rows
        for table in tables
    }


def runs(settings: Settings, kind: str) -> list[Run]:
    tracking = ComparisonRuns(settings)
    return list(tracking.runs(f"tags.kind = '{kind}'"))


def test_a_weeks_exam_has_the_figures_of_the_week_and_no_table_changes(
    call: Call, settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    before = digests(conn)
    status, text = call("popularity", "als[factors={4,8}]", "--as-of", str(week.as_of))
    assert status == 0, text
    assert digests(conn) == before and len(before) > 20
    rows = rows_of(text)
    assert list(rows) == ["popularity", "als[factors=4]", "als[factors=8]"]
    assert max(len(line) for line in text.splitlines() if line[0] in "│┃") <= 80
    assert f"week {week.as_of}" in text and "3 fitted now, 0 found in the cache" in text
    steps.examine_models(settings, week)
    figure = conn.execute(
        "SELECT value FROM exam_results WHERE recipe_key LIKE 'popularity-%' AND slice = 'all' AND "
        "metric = 'NDCG@10'"
    ).fetchone()
    assert float(rows["popularity"][0]) == round(figure.value, 4)


def test_nothing_is_fitted_twice(
    call: Call, settings: Settings, release: Release, n_fits: list[str]
) -> None:
    first = call(*release, "popularity", "als[factors=4]", "--seeds", "2")
    assert n_fits == ["popularity", "popularity", "als", "als"]
    again = call(*release, "popularity", "als[factors=4]", "--seeds", "2")
    assert len(n_fits) == 4
    assert rows_of(again[1]) == rows_of(first[1])
    assert "0 fitted now, 4 found in the cache" in again[1]
    assert (len(runs(settings, "comparison")), len(runs(settings, "compared"))) == (1, 4)
    call(*release, "als[factors=4]", "als[factors=5]", "--seeds", "2")
    assert n_fits[4:] == ["als", "als"]
    assert (len(runs(settings, "comparison")), len(runs(settings, "compared"))) == (2, 8)


def test_what_was_cut_off_goes_on_where_it_was(
    call: Call, release: Release, n_fits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fit = comparing.fit

        def killed(model: Any, *arguments: Any) -> None:
            if model.config.factors == 5:
                raise KeyboardInterrupt
            fit(model, *arguments)

        patch.setattr(comparing, "fit", killed)
        assert call(*release, "als[factors={3,4,5,6}]")[0] == 130
    assert len(n_fits) == 2
    assert call(*release, "als[factors={3,4,5,6}]")[0] == 0
    assert len(n_fits) == 4


def test_a_damaged_result_is_fitted_again(
    call: Call, release: Release, n_fits: list[str], tmp_path: Path
) -> None:
    call(*release, "popularity")
    (path,) = (tmp_path / "cache" / "results").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert call(*release, "popularity")[0] == 0
    assert len(n_fits) == 2


def test_a_recipe_that_cannot_be_fitted_is_named_and_the_others_go_on(
    call: Call, settings: Settings, release: Release
) -> None:
    status, text = call(*release, "popularity", "broken", "als[factors=4]")
    assert status == 1
    assert list(rows_of(text)) == ["popularity", "als[factors=4]"]
    assert "broken cannot be fitted: ValueError: singular matrix" in text
    assert sorted(run.info.status for run in runs(settings, "compared")) == [
        "FAILED",
        "FINISHED",
        "FINISHED",
    ]
    status, text = call(*release, "broken", "popularity")
    assert status == 1 and "ModelError: broken cannot be fitted, and the others" in text


def test_a_release_is_compared_without_postgres(
    call: Call, settings: Settings, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECSYS_DATABASE_URL")
    status, text = call(*release, "popularity", "als[factors=4]", "--seeds", "2")
    assert status == 0 and "movielens, protocol temporal" in text
    assert text.count("±") == 2
    (parent,) = runs(settings, "comparison")
    children = runs(settings, "compared")
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    by_recipe = {run.data.tags["written"]: run for run in children}
    als = by_recipe["als[factors=4]"]
    assert (als.data.params["factors"], als.info.status) == ("4", "FINISHED")
    assert {"NDCG_at_10", "fit seconds", "coverage_at_10"} <= als.data.metrics.keys()
    key = Recipe.of("als", factors=4).key
    lead = parent.data.metrics[f"lead of {key}"]
    figures = rows_of(text)
    assert figures["als[factors=4]"][1].startswith(f"{lead:+.4f}".replace("0.", ".") + " [")
    assert parent.data.params["recipes"] == "popularity als[factors=4]"
    files = ComparisonRuns(settings).client.list_artifacts(parent.info.run_id)
    assert sorted(file.path for file in files) == ["comparison.png", "comparison.txt"]
    weekly = call(*release, "popularity", "--protocol", "weekly")
    assert weekly[0] == 0 and rows_of(weekly[1])["popularity"] != figures["popularity"]


def test_without_a_server_runs_lie_in_the_cache(
    call: Call,
    published: Path,
    empty_mlflow_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("RECSYS_MLFLOW_TRACKING_URI", "_MLFLOW_SERVER_ARTIFACT_ROOT"):
        monkeypatch.delenv(name)
    (tmp_path / "cache").mkdir()
    shutil.copy(empty_mlflow_store, tmp_path / "cache" / "mlflow.db")
    assert call("popularity", "--data", str(published / "movielens"))[0] == 0
    assert list((tmp_path / "cache" / "artifacts").rglob("comparison.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["als[factors={1,2]", "--data", "."], "position 17: found ']'; expected ',' or '}'"),
        (["als-3f9a2c41", "--data", "."], "found recipe 'als-3f9a2c41'; expected one of"),
        (["als", "--data", "/nonexistent"], "no folder /nonexistent; expected one with"),
        (["als", "--data", "tests"], "expected one of"),
        (
            [
                f"als[factors={{{','.join(map(str, range(1, 61)))}}}]",
                f"als[iterations={{{','.join(map(str, range(20, 65)))}}}]",
                "--data",
                "{data}",
            ],
            "found 105 recipes to compare; expected at most 100",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    call: Call, published: Path, arguments: list[str], message: str
) -> None:
    options = [each.replace("{data}", str(published / "movielens")) for each in arguments]
    status, text = call(*options)
    assert status == 1 and message in text.replace("\n", " ")


def test_a_result_is_anothers_if_recipe_data_seed_or_code_is(
    settings: Settings, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_of_release(published / "movielens", None, "temporal", settings)
    weekly = data_of_release(published / "movielens", None, "weekly", settings)
    als, other = Recipe.of("als"), Recipe.of("als", factors=65)
    model = new_model(als, settings, seed=1)
    keys = [
        result_key(als, data, 1, model),
        result_key(other, data, 1, model),
        result_key(als, weekly, 1, model),
        result_key(als, data, 2, model),
    ]
    monkeypatch.setattr("recsys.registry.fit_key.code_version", lambda: "other")
    keys.append(result_key(als, data, 1, model))
    monkeypatch.undo()
    monkeypatch.setattr("recsys.compare.results.exam_code", lambda: "other")
    keys.append(result_key(als, data, 1, model))
    assert len(set(keys)) == 6


def entry(name: str, *scores: list[float], **settings: Any) -> Entry:
    results = [
        Result(
            "",
            Recipe.of(name, **settings),
            seed,
            1.0,
            {"NDCG@10": float(np.mean(each))},
            np.array(each),
        )
        for seed, each in enumerate(scores)
    ]
    return Entry(Recipe.of(name, **settings), results)


def test_differences_are_paired_by_user_over_the_mean_of_the_seeds() -> None:
    first = entry("popularity", [0.0, 0.5, 1.0, 0.2], [0.2, 0.5, 0.8, 0.2])
    ahead = entry("als", [0.2, 0.7, 1.0, 0.5])
    standings = standings_of([first, ahead], resamples=500, seed=3)
    expected = paired_bootstrap(
        np.array([0.2, 0.7, 1.0, 0.5]), np.array([0.1, 0.5, 0.9, 0.2]), resamples=500, seed=3
    )
    assert standings[0].lead is None
    assert standings[1].lead.mean == pytest.approx(0.175)
    assert standings[1].lead.low == pytest.approx(expected.low)
    assert (standings[0].spread, standings[1].spread) == (0.0, None)


def test_a_comparison_against_what_was_not_fitted_is_refused() -> None:
    failed = Entry(Recipe.of("als"), failure="no likes")
    with pytest.raises(ModelError, match=r"als cannot be fitted, and .*: no likes; name another"):
        standings_of([failed, entry("popularity", [1.0])], resamples=100, seed=0)


def test_a_result_is_kept_whole(tmp_path: Path) -> None:
    result = Result(
        "k", Recipe.of("als"), 7, 1.25, {"NDCG@10": 0.5}, np.array([0.25, 1], dtype=np.float32)
    )
    results = Results(tmp_path / "new")
    assert results.find("k") is None
    results.add(result)
    kept = results.find("k")
    assert (kept.recipe, kept.seed, kept.seconds, kept.metrics) == (
        result.recipe,
        7,
        1.25,
        {"NDCG@10": 0.5},
    )
    assert kept.ndcg.tobytes() == result.ndcg.tobytes()
