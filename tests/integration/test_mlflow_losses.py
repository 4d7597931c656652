"""MLflow that has lost what the ledger names: what a week needs is fitted again, and is the same
model or none.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.errors import LedgerError, ModelLost, RecsysError
from recsys.features.catalogue import Description
from recsys.models.popularity import Popularity
from recsys.prediction import predict_stars
from recsys.promotion import ledger
from recsys.recipe import Recipe
from recsys.registry import fit_ledger
from recsys.registry.store import Registry
from recsys.request import Run
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps


def delete_the_experiment(settings: Settings) -> None:
    registry = Registry(settings)
    registry.client.delete_experiment(registry.experiment_id)


def delete_the_registered_model(settings: Settings) -> None:
    registry = Registry(settings)
    if registry.client.search_registered_models():
        registry.client.delete_registered_model(settings.registered_model)


def delete_each_version(settings: Settings) -> None:
    registry = Registry(settings)
    for version in registry.client.search_model_versions(f"name = '{settings.registered_model}'"):
        registry.client.delete_model_version(settings.registered_model, version.version)


def delete_each_run(settings: Settings) -> None:
    registry = Registry(settings)
    for run in registry.client.search_runs([registry.experiment_id]):
        registry.client.delete_run(run.info.run_id)


def delete_each_logged_model(settings: Settings) -> None:
    registry = Registry(settings)
    for model in registry.client.search_logged_models([registry.experiment_id]):
        registry.client.delete_logged_model(model.model_id)


def delete_the_artifacts(settings: Settings) -> None:
    for folder in artifacts(settings).glob("*/models/*"):
        shutil.rmtree(folder)


def damage_the_arrays(settings: Settings) -> None:
    for path in artifacts(settings).rglob("arrays.npz"):
        path.write_bytes(path.read_bytes()[:-100])


def empty_the_store(settings: Settings) -> None:
    """Another MLflow altogether: what it numbers from 1 on are other models."""
    store = database(settings)
    with (
        closing(sqlite3.connect(store.with_name("empty.db"))) as empty,
        closing(sqlite3.connect(store)) as emptied,
    ):
        empty.backup(emptied)
    registry = Registry(settings)
    registry.client.create_registered_model(settings.registered_model)
    registry.client.create_model_version(
        settings.registered_model, str(store), tags={"recipe": "other", "fit_key": "other"}
    )


LOSSES = [
    delete_the_experiment,
    delete_the_registered_model,
    delete_each_version,
    delete_each_run,
    delete_each_logged_model,
    delete_the_artifacts,
    damage_the_arrays,
    empty_the_store,
]


def database(settings: Settings) -> Path:
    return Path(settings.mlflow_tracking_uri.removeprefix("sqlite:///"))


def artifacts(settings: Settings) -> Path:
    return database(settings).with_name("mlflow-artifacts")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    shutil.copy(database(settings), database(settings).with_name("empty.db"))
    return settings


def each_step(
    settings: Settings, week: WeekPlan, lose: Callable[[Settings], None]
) -> Iterator[str]:
    """A week's steps from the first that speaks to MLflow on, with a loss before each. Gives the
    name of each that is done.
    """
    for recipe in week.recipes:
        lose(settings)
        steps.train_model(settings, week, recipe)
    yield "train"
    lose(settings)
    steps.examine_models(settings, week)
    yield "examine"
    lose(settings)
    version = steps.refit_winner(settings, week)
    yield "refit"
    lose(settings)
    promotion_id = steps.promote_champion(settings, week, version)
    yield "promote"
    lose(settings)
    for shard in range(settings.score_shards):
        steps.score_users(settings, week, promotion_id, shard)
    yield "score"
    lose(settings)
    publication_id = steps.publish_recommendations(settings, week, promotion_id)
    yield "publish"
    lose(settings)
    steps.judge_publication(settings, week)
    yield "judge"
    lose(settings)
    steps.report_week(settings, week, promotion_id, publication_id)
    yield "report"


def rows_live(conn: Connection) -> str:
    return conn.execute("SELECT rows_sha256 FROM publications WHERE is_live").fetchone().rows_sha256


@pytest.mark.parametrize("lose", LOSSES)
def test_a_week_survives_a_loss_before_each_of_its_steps(
    settings: Settings, weeks: list[date], conn: Connection, lose: Callable[[Settings], None]
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    assert list(each_step(settings, week, lose))[-1] == "report"
    lose(settings)
    later = steps.run_week(settings, as_of=weeks[1])
    assert conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [
        (later.as_of,)
    ]
    champion = ledger.newest_champion(conn)
    registry = Registry(settings)
    assert champion
    assert registry.champion() == registry.find_version(champion.model.fit_key)
    assert (
        conn.execute("SELECT count(*) AS n FROM fits WHERE variant_of IS NOT NULL").fetchone().n
        == 0
    )


@pytest.mark.parametrize(
    "lose",
    [delete_the_registered_model, delete_each_logged_model, damage_the_arrays, empty_the_store],
)
def test_a_decided_week_that_is_scored_again_after_a_loss_publishes_the_same(
    settings: Settings, weeks: list[date], conn: Connection, lose: Callable[[Settings], None]
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    before = rows_live(conn)
    lose(settings)
    conn.execute("DROP TABLE published_lists_1")
    steps.run_week(settings, as_of=weeks[0])
    assert rows_live(conn) == before
    registry, champion = Registry(settings), ledger.newest_champion(conn)
    assert champion
    assert registry.champion() == registry.find_version(champion.model.fit_key)


@pytest.mark.parametrize(
    "lose",
    [delete_the_experiment, delete_the_registered_model, delete_each_version, empty_the_store],
)
def test_no_loss_stops_a_rollback(
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    caplog: pytest.LogCaptureFixture,
    lose: Callable[[Settings], None],
) -> None:
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of, recipes=["popularity"])
    lose(settings)
    sentence = steps.rollback_publication(
        settings, publication_id=1, reason="bad lists", requested_by="ann"
    )
    assert sentence.startswith("rolled back from publication 2 to publication 1")
    lose(settings)
    steps.run_week(settings, as_of=weeks[2])
    assert conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [(weeks[2],)]


def test_a_lost_champion_is_a_warning_that_says_what_follows(
    settings: Settings, weeks: list[date], caplog: pytest.LogCaptureFixture
) -> None:
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    empty_the_store(settings)
    steps.resolve_week(settings, as_of=weeks[1])
    assert "has lost version 1 of movie-recommender (popularity-" in caplog.text
    assert "a week that needs it fits it again" in caplog.text


# ---------------------------------------------------------------- fitted again, it differs


@pytest.fixture
def other_models(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, fits come out a little different, as on another kind of CPU."""

    fit = Popularity.fit

    def other(self: Popularity, *arguments: Any, **named: Any) -> Popularity:
        model = fit(self, *arguments, **named)
        model.likes_ = np.nextafter(model.likes_, np.inf, dtype=model.likes_.dtype)
        return model

    return lambda: monkeypatch.setattr(Popularity, "fit", other)


def test_a_past_week_fails_and_the_lists_stay_where_a_refit_differs(
    settings: Settings, weeks: list[date], conn: Connection, other_models: Callable[[], None]
) -> None:
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    before, champion = rows_live(conn), ledger.newest_champion(conn)
    assert champion
    empty_the_store(settings)
    other_models()
    with pytest.raises(ModelLost) as raised:
        steps.run_week(settings, as_of=weeks[0], recipes=["popularity"], top_n=3)
    assert f"week {weeks[0]}: MLflow has lost the model of popularity-" in str(raised.value)
    assert f"python -m recsys run --as-of {weeks[0]} --force" in str(raised.value)
    assert rows_live(conn) == before
    with pytest.raises(ModelLost):  # nor is the other model taken at the next attempt
        steps.run_week(settings, as_of=weeks[0], recipes=["popularity"], top_n=3)

    steps.run_week(
        settings, as_of=weeks[0], recipes=["popularity"], top_n=3, force=True, run_id="anew"
    )
    anew = ledger.newest_champion(conn)
    assert anew
    assert anew.model.fit_key != champion.model.fit_key
    variant = conn.execute("SELECT * FROM fits WHERE fit_key = %s", [anew.model.fit_key]).fetchone()
    assert (variant.variant_of, variant.is_accepted) == (champion.model.fit_key, True)
    assert conn.execute("SELECT max(rank) AS n FROM recommendations").fetchone().n == 3
    assert Registry(settings).champion() == Registry(settings).find_version(anew.model.fit_key)
    published = conn.execute("SELECT count(*) AS n FROM publications").fetchone().n
    # and stands from then on
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"], top_n=3)
    assert conn.execute("SELECT count(*) AS n FROM publications").fetchone().n == published


def test_the_next_week_needs_no_lost_model(
    settings: Settings, weeks: list[date], conn: Connection, other_models: Callable[[], None]
) -> None:
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    empty_the_store(settings)
    other_models()
    steps.run_week(settings, as_of=weeks[1], recipes=["popularity"])
    assert conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [(weeks[1],)]


def test_a_lost_fit_without_a_digest_on_record_is_not_taken_on_trust(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """As after an update from a release that kept none."""
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    conn.execute("DELETE FROM fits")
    empty_the_store(settings)
    with pytest.raises(ModelLost, match="what it was is not on record"):
        steps.run_week(settings, as_of=weeks[0], recipes=["popularity"], top_n=3)


def test_a_fit_from_before_digests_were_kept_gets_its_own_when_it_is_met(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    kept = conn.execute("SELECT fit_key, digest FROM fits ORDER BY fit_key").fetchall()
    conn.execute("DELETE FROM fits")
    steps.refit_winner(settings, week, run=Run(force=True, run_id="anew"))
    assert set(conn.execute("SELECT fit_key, digest FROM fits")) < set(kept)


# ---------------------------------------------------------------- others that ask


def test_predict_says_what_to_do_where_the_model_is_lost(
    settings: Settings, conn: Connection, weeks: list[date]
) -> None:
    quick = {"max_epochs": 2, "rating_epochs": 3, "size": 8, "rating_size": 8}
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    steps.train_model(settings, week, Recipe.of("hybrid", **quick))
    delete_the_artifacts(settings)
    with pytest.raises(
        LedgerError,
        match=r"MLflow has no fit of recipe hybrid .*python -m recsys "
        r"train hybrid",
    ):
        predict_stars(conn, Registry(settings), 1, Description(title="New"))
    assert steps.train_model(settings, week, Recipe.of("hybrid", **quick), again_if_lost=True)
    with pytest.raises(RecsysError, match="user 0 has no rating that run"):
        predict_stars(conn, Registry(settings), 0, Description(title="New"))


def test_the_ledger_keeps_a_digest_of_every_fit(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    registry = Registry(settings)
    for run in registry.runs("tags.fit_key != ''"):
        entry = fit_ledger.entry_of(conn, run.data.tags["fit_key"])
        assert entry
        assert entry.digest == registry.digest_of(run.info.run_id)
