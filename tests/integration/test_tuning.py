"""Tuning: on the validation slice alone, resumable, and its best recipe takes part in the exams of
later weeks.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

import numpy as np
import pytest
from mlflow.entities import Run
from psycopg.types.json import Jsonb
from pydantic import Field

from recsys import models
from recsys.db.connect import Connection
from recsys.errors import ModelError, NothingToRecommend
from recsys.exam_data import exam_of, validation_of
from recsys.models.base import Search
from recsys.models.popularity import Popularity, PopularityConfig
from recsys.recipe import Recipe
from recsys.registry.store import Registry
from recsys.settings import Settings
from recsys.tuning import ledger
from recsys.tuning.trial import Trial
from recsys.week import WeekPlan
from tests import steps


class FadingConfig(PopularityConfig):
    half_life_days: Annotated[float | None, Search(0.1, 10_000, log=True)] = Field(
        default=0.11, gt=0
    )


class Fading(Popularity):
    """Popularity with a default that is easily beaten."""

    name = "fading"
    Config = FadingConfig

    def fit(self, train, catalogue, **kwargs):
        if 1 < self.config.half_life_days < 10:
            raise ModelError("fading: a half-life between 1 and 10 days; expected any other")
        return super().fit(train, catalogue, **kwargs)


@pytest.fixture(autouse=True)
def fading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.MODELS, "fading", f"{__name__}:Fading")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"recipes": ("popularity", "fading")})


@pytest.fixture
def week(settings: Settings, weeks: list[date]) -> WeekPlan:
    """The first week, its drops in and its models neither fitted nor examined."""
    return taken_in(settings, weeks[0])


def taken_in(settings: Settings, as_of: date) -> WeekPlan:
    week = steps.resolve_week(settings, as_of=as_of)
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    return week


def tune(settings: Settings, week: WeekPlan, n_trials: int) -> list[Trial]:
    """All trials there are in the end."""
    reports: list[list[Trial]] = []
    steps.tune_recipe(
        settings,
        week,
        "fading",
        n_trials=n_trials,
        report=lambda trials: reports.append(list(trials)),
    )
    assert [len(trials) for trials in reports] == list(range(len(reports[0]), len(reports[-1]) + 1))
    return reports[-1]


def rows(conn: Connection, table: str) -> list[Any]:
    return conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2".encode()).fetchall()


def runs(settings: Settings, kind: str) -> list[Run]:
    registry = Registry(settings)
    all_runs = registry.client.search_runs([registry.experiment_id], f"tags.kind = '{kind}'")
    return sorted(all_runs, key=lambda run: int(run.data.tags.get("trial", 0)))


def test_a_study_is_kept_trial_by_trial(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    trials = tune(settings, week, 4)
    kept = rows(conn, "tuning_trials")
    assert [(row.number, Recipe.from_json(row.recipe), row.validation_ndcg) for row in kept] == [
        (number, trial.recipe, trial.ndcg) for number, trial in enumerate(trials)
    ]
    assert trials[0].recipe == Recipe.of("fading") and len({trial.recipe for trial in trials}) == 4
    (parent,) = runs(settings, "study")
    children = runs(settings, "trial")
    assert [run.info.run_id for run in children] == [row.run_id for row in kept]
    assert all(run.data.tags["mlflow.parentRunId"] == parent.info.run_id for run in children)
    for run, trial in zip(children, trials, strict=True):
        assert (
            float(run.data.params["half_life_days"])
            == dict(trial.recipe.settings)["half_life_days"]
        )
        assert run.data.metrics.get("NDCG_at_10") == trial.ndcg
        assert run.info.status == ("FAILED" if trial.ndcg is None else "FINISHED")
    figures = [trial.ndcg for trial in trials if trial.ndcg is not None]
    assert parent.data.metrics == {
        "default NDCG_at_10": trials[0].ndcg,
        "best NDCG_at_10": max(figures),
    }
    assert parent.info.status == "FINISHED"


def test_settings_of_the_recipes_own_are_not_searched(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    steps.tune_recipe(settings, week, "als[factors=8,iterations=2]", n_trials=2)
    plain, tried = (
        dict(Recipe.from_json(row.recipe).settings) for row in rows(conn, "tuning_trials")
    )
    assert [(each["factors"], each["iterations"]) for each in (plain, tried)] == [(8, 2)] * 2
    assert plain["regularization"] != tried["regularization"]


def test_what_is_tuned_each_month_is_what_competes(settings: Settings) -> None:
    usual = settings.model_copy(update={"recipes": ()})
    assert steps.list_tunable(usual) == ["popularity", "als", "ease", "item_knn", "hybrid"]
    chosen = settings.model_copy(update={"recipes": ("svd[factors=8]", "blend", "als-3f9a2c41")})
    assert steps.list_tunable(chosen) == ["svd[factors=8]"]


def test_what_is_tuned_of_settings_of_its_own_competes_beside_them_alone(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    pinned = Recipe.of("als", factors=8, iterations=2)
    best = Trial(Recipe.of("als", factors=8, iterations=2, regularization=0.5), 0.2)
    tuned = ledger.TunedRecipe("als of a test", week.as_of, best, Trial(pinned, 0.1), 2)
    ledger.record_tuned(conn, tuned)
    newest = partial(ledger.newest_tuned, conn, week.as_of, like_threshold=week.like_threshold)
    assert newest(names=["als", "ease"]) == []
    (competing,) = newest(names=["als[iterations=2, factors=8]"])
    assert competing.key == best.recipe.of_week(week.like_threshold).key


def test_what_beats_the_default_is_entered_once(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    trials = tune(settings, week, 5)
    best = max(trials, key=lambda trial: trial.ndcg or 0)
    (tuned,) = rows(conn, "tuned_recipes")
    assert (tuned.recipe_key, tuned.name, Recipe.from_json(tuned.recipe)) == (
        best.recipe.key,
        "fading",
        best.recipe,
    )
    assert (tuned.validation_ndcg, tuned.default_ndcg, tuned.n_trials) == (
        best.ndcg,
        trials[0].ndcg,
        5,
    )
    assert (tuned.tuned_for, tuned.validation_ndcg > tuned.default_ndcg) == (week.as_of, True)
    sentence = steps.tune_recipe(settings, week, "fading", n_trials=5)
    assert (
        best.recipe.key in sentence
        and f"NDCG@10 {best.ndcg:.4f}" in sentence
        and f"the default {trials[0].ndcg:.4f}" in sentence
    )
    assert rows(conn, "tuned_recipes") == [tuned]


def test_as_many_trials_again_add_nothing(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    def everything() -> tuple[Any, ...]:
        shown = [
            (run.info.run_id, run.data.metrics, run.data.params)
            for kind in ("study", "trial")
            for run in runs(settings, kind)
        ]
        return rows(conn, "tuning_trials"), rows(conn, "tuned_recipes"), rows(conn, "weeks"), shown

    tune(settings, week, 3)
    before = everything()
    tune(settings, week, 3)
    tune(settings, week, 2)
    assert everything() == before


def test_a_study_goes_on_where_it_stopped(
    settings: Settings, week: WeekPlan, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tune(settings, week, 5)
    conn.execute("DELETE FROM tuning_trials WHERE number >= 2")
    assert tune(settings, week, 4) == whole[:4]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Fading, "fit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        tune(settings, week, 5)
    assert len(rows(conn, "tuning_trials")) == 4
    assert tune(settings, week, 5) == whole


def test_a_killed_trials_run_does_not_stay_open(settings: Settings, week: WeekPlan) -> None:
    tune(settings, week, 2)
    registry, (parent,) = Registry(settings), runs(settings, "study")
    tags = {"kind": "trial", "study": parent.data.tags["study"], "trial": "2"}
    killed = registry.client.create_run(registry.experiment_id, tags=tags).info.run_id
    tune(settings, week, 3)
    assert registry.client.get_run(killed).info.status == "FAILED"


def test_a_recipe_that_cannot_be_fitted_is_passed_over(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    tune(settings, week, 12)
    failed = [row for row in rows(conn, "tuning_trials") if row.validation_ndcg is None]
    assert failed and all(
        row.failure == "fading: a half-life between 1 and 10 days; expected any other"
        for row in failed
    )
    assert all(1 < row.recipe["settings"]["half_life_days"] < 10 for row in failed)
    shown = [run.info.run_id for run in runs(settings, "trial") if run.info.status == "FAILED"]
    assert shown == [row.run_id for row in failed]


@pytest.mark.parametrize("default", ["best", "hopeless"])
def test_a_default_that_nothing_beats_stays(
    settings: Settings,
    week: WeekPlan,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    default: str,
) -> None:
    if default == "best":
        monkeypatch.setattr("recsys.tuning.study.Study.ndcg", lambda *_: 0.25)
    else:
        monkeypatch.setattr(Fading, "fit", lambda *_, **__: (_ for _ in ()).throw(ModelError("no")))
    sentence = steps.tune_recipe(settings, week, "fading", n_trials=3)
    assert (
        "none beat the default, NDCG@10 0.2500"
        if default == "best"
        else "the default could not be fitted"
    ) in sentence
    assert rows(conn, "tuned_recipes") == []


# ---------------------------------------------------------------- what is looked at


@pytest.mark.parametrize(("exam_min_users", "kind"), [(1_000, "leave-newest-out"), (1, "dated")])
def test_no_trial_sees_what_the_exam_holds_out(
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    exam_min_users: int,
    kind: str,
) -> None:
    """All that the exam holds out is made another, and the trials' figures stay the same."""
    settings = settings.model_copy(update={"exam_min_users": exam_min_users})
    week = taken_in(settings, weeks[2])
    exam, _ = exam_of(conn, week)
    assert (exam.kind, validation_of(conn, week, exam).kind) == (kind, kind)
    before = tune(settings, week, 3)
    held_out = exam.held_out
    pairs = {
        "users": held_out.user_ids[held_out.users].tolist(),
        "movies": held_out.movie_ids[held_out.movies].tolist(),
    }
    conn.execute(
        "UPDATE ratings SET rating = CASE WHEN rating >= 4 THEN 9 - rating ELSE 0.5 END FROM "
        "unnest(%(users)s::bigint[], %(movies)s::bigint[]) AS changed (u, m) WHERE (user_id, "
        "movie_id) = (u, m)",
        pairs,
    )
    steps.refresh_views(settings)
    poisoned, _ = exam_of(conn, week)
    assert (poisoned.train.fingerprint(), len(poisoned.held_out)) == (
        exam.train.fingerprint(),
        len(held_out),
    )
    assert poisoned.held_out.fingerprint() != held_out.fingerprint()
    conn.execute("DELETE FROM tuning_trials")
    assert tune(settings, week, 3) == before
    assert (
        len(
            {row.study for row in rows(conn, "tuning_trials")}
            | {row.study for row in rows(conn, "tuned_recipes")}
        )
        == 1
    )


@pytest.mark.parametrize("exam_min_users", [1, 20])
def test_the_validation_slice_is_of_what_the_exams_fits_see(
    settings: Settings, weeks: list[date], conn: Connection, exam_min_users: int
) -> None:
    settings = settings.model_copy(update={"exam_min_users": exam_min_users})
    week = taken_in(settings, weeks[2])
    exam, _ = exam_of(conn, week)
    validation = validation_of(conn, week, exam)
    seen, train = pairs_of(exam.train.interactions()), pairs_of(validation.train.interactions())
    assert len(validation.users) and len(train) < len(seen)
    assert train | pairs_of(validation.held_out) <= seen
    assert not train & pairs_of(validation.held_out)


def pairs_of(interactions: Any) -> set[tuple[int, ...]]:
    columns = (
        interactions.user_ids[interactions.users],
        interactions.movies,
        interactions.rated_at,
    )
    return set(map(tuple, np.column_stack(columns).tolist()))


def test_a_validation_cut_brings_back_nothing_that_leave_newest_out_holds_out(
    settings: Settings, week: WeekPlan, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held out of an inactive user is older than a cut may be."""
    exam, _ = exam_of(conn, week)
    assert exam.kind == "leave-newest-out"
    few = WeekPlan.from_json({**week.to_json(), "exam_min_users": 1})
    validation = validation_of(conn, few, exam)
    assert validation.kind == "dated" and exam.held_out.rated_at.min() < validation.cut.timestamp()
    train = validation.train.interactions()
    assert pairs_of(train) <= pairs_of(exam.train.interactions())


def test_another_week_other_code_and_other_data_are_other_studies(
    settings: Settings,
    week: WeekPlan,
    weeks: list[date],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tune(settings, week, 2)
    with monkeypatch.context() as patch:
        patch.setattr("recsys.tuning.study.code_version", lambda: "another")
        tune(settings, week, 2)
    tune(settings, taken_in(settings, weeks[1]), 2)
    assert len({row.study for row in rows(conn, "tuning_trials")}) == 3


def test_no_users_to_decide_is_said(settings: Settings, week: WeekPlan, conn: Connection) -> None:
    strict = WeekPlan.from_json({**week.to_json(), "like_threshold": 9.0})
    with pytest.raises(NothingToRecommend, match="no user decides a validation slice of the"):
        steps.tune_recipe(settings, strict, "fading", n_trials=2)


# ---------------------------------------------------------------- what comes of it


def record_tuned(conn: Connection, as_of: date, recipe: Recipe, study: str = "study") -> None:
    default = Trial(Recipe.of(recipe.name), 0.4)
    ledger.record_tuned(conn, ledger.TunedRecipe(study, as_of, Trial(recipe, 0.5), default, 3))


def test_a_tuned_recipe_competes_in_the_exams_of_later_weeks(
    settings: Settings, week: WeekPlan, weeks: list[date], conn: Connection
) -> None:
    tune(settings, week, 5)
    (key,) = [row.recipe_key for row in rows(conn, "tuned_recipes")]
    assert key not in [
        recipe.key for recipe in steps.resolve_week(settings, as_of=weeks[0]).recipes
    ]
    steps.run_week(settings, as_of=weeks[1])
    entries = conn.execute(
        "SELECT recipe_key FROM exam_entries WHERE as_of = %s", [weeks[1]]
    ).fetchall()
    assert {row.recipe_key for row in entries} == {
        key,
        Recipe.of("popularity").key,
        Recipe.of("fading").key,
    }


def test_a_week_takes_the_newest_tuned_until_then_and_keeps_it(
    settings: Settings, week: WeekPlan, weeks: list[date], conn: Connection
) -> None:
    old, new, future = (Recipe.of("fading", half_life_days=days) for days in (20.0, 30.0, 40.0))
    taken_in(settings, weeks[2])
    record_tuned(conn, weeks[0], old, "b")
    record_tuned(conn, weeks[0], new, "a")
    record_tuned(conn, weeks[2], future)
    expected = (Recipe.of("popularity"), Recipe.of("fading"), new)
    assert steps.resolve_week(settings, as_of=weeks[1]).recipes == expected
    record_tuned(conn, weeks[1], old, "c")
    assert steps.resolve_week(settings, as_of=weeks[1]).recipes == expected
    assert steps.resolve_week(settings, as_of=weeks[2] + timedelta(7)).recipes == (
        *expected[:2],
        future,
    )


def test_a_week_that_names_its_recipes_takes_those(
    settings: Settings, week: WeekPlan, weeks: list[date], conn: Connection
) -> None:
    tuned = Recipe.of("fading", half_life_days=20.0)
    record_tuned(conn, weeks[0], tuned)
    recipes = steps.resolve_week(settings, as_of=weeks[1], recipes=["fading"]).recipes
    assert recipes == (Recipe.of("popularity"), Recipe.of("fading"))
    assert steps.resolve_week(settings, as_of=weeks[2], recipes=[tuned.key]).recipes == (
        Recipe.of("popularity"),
        tuned,
    )
    for as_of, name in ((weeks[1], "fading-00000000"), (weeks[0] - timedelta(7), tuned.key)):
        with pytest.raises(
            ModelError,
            match=f"no recipe '{name}': expected one of popularity, .*tuned for {as_of} or before",
        ):
            steps.resolve_week(settings, as_of=as_of, recipes=[name])


@pytest.mark.parametrize(
    "stale",
    [{"half_life_days": 20.0}, {"half_life_days": -1.0, "like_threshold": 4.0}, {"gone": 1}],
)
def test_a_recipe_of_other_code_fails_no_week(
    settings: Settings,
    week: WeekPlan,
    weeks: list[date],
    conn: Connection,
    stale: Mapping[str, float],
) -> None:
    record_tuned(conn, weeks[0], Recipe.of("fading", half_life_days=20.0))
    conn.execute(
        "UPDATE tuned_recipes SET recipe = %s", [Jsonb({"name": "fading", "settings": stale})]
    )
    assert steps.resolve_week(settings, as_of=weeks[1]).recipes == (
        Recipe.of("popularity"),
        Recipe.of("fading"),
    )


def test_the_week_to_tune_on(settings: Settings, weeks: list[date]) -> None:
    with pytest.raises(
        NothingToRecommend,
        match="no week has its drops in: expected one that ran at least to ingest_drops",
    ):
        steps.find_week(settings, None)
    assert steps.find_week(settings, None, required=False) is None
    first, second = (taken_in(settings, as_of) for as_of in weeks[:2])
    steps.resolve_week(settings, as_of=weeks[2])
    assert steps.find_week(settings, None) == steps.find_week(settings, weeks[2]) == second
    assert steps.find_week(settings, weeks[0] + timedelta(6)) == first
    with pytest.raises(
        NothingToRecommend, match=f"no week up to {weeks[0] - timedelta(1)} has its drops in"
    ):
        steps.find_week(settings, weeks[0] - timedelta(1))
