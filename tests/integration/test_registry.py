"""The registry against a real MLflow store: SQLite behind it, artifacts in a folder."""

import inspect
import pickle
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import cast

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.artifacts import load_text
from mlflow.exceptions import MlflowException
from pydantic import SecretStr

from recsys import models
from recsys.errors import LedgerError, ModelError, ModelLost
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models import MODELS, model_class
from recsys.models.base import Config, Recommender, silent
from recsys.recipe import Recipe
from recsys.registry.description import FitDescription, data_window
from recsys.registry.fit_key import PACKAGES, digest_of_sources, fit_key
from recsys.registry.store import Registry
from recsys.registry.termination import this_process
from recsys.settings import Settings

AS_OF = date(2026, 11, 16)


class LikesConfig(Config):
    weight: float = 1.0


class Likes(Recommender):
    """Ranks movies by a fixed array: enough of a model to log and load."""

    name = "likes"
    Config = LikesConfig

    def fit(self, train, catalogue, *, report=silent):
        likes = self.read(train).likes(self.like_threshold_)
        self.likes_ = likes.n_raters.astype(np.float32) * self.config.weight
        for epoch in range(3):
            report("loss", 1.0 / (epoch + 1), epoch)
        return self

    def knows(self, histories):
        return histories.lengths > 0

    def score_block(self, histories):
        return np.where(self.knows(histories)[:, None], self.likes_, np.float32(-np.inf))

    def state(self):
        return {"likes_": self.likes_}

    def restore(self, state):
        self.likes_ = state["likes_"]

    def tags(self):
        return {"encoder": "tfidf-svd"}


RATINGS = Interactions.of(
    np.array([1, 1, 2, 3]),
    np.array([10, 20, 20, 30]),
    np.full(4, 5.0),
    np.arange(4) + 1_700_000_000,
    movie_ids=np.array([10, 20, 30, 40]),
)
TRAIN = Loaded(RATINGS, like_threshold=4.0)


NO_CONTENT = cast(Catalogue, None)  # this model has no use for it


@pytest.fixture
def registry(mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setitem(models.MODELS, "likes", f"{__name__}:Likes")
    before = mlflow.get_tracking_uri()
    yield registry_of(mlflow_store)
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(before)


def registry_of(mlflow_store: str) -> Registry:
    """Each process has its own."""
    return Registry(
        Settings(database_url=SecretStr("postgresql://unused"), mlflow_tracking_uri=mlflow_store)
    )


def recipe(weight: float = 1.0) -> Recipe:
    return Recipe("likes", (("weight", weight),))


def fitted() -> Likes:
    return Likes().fit(TRAIN, NO_CONTENT)


def exam_fit() -> FitDescription:
    return FitDescription("a1", recipe(), "exam", AS_OF, "c", "none", {})


def log_fit(registry: Registry, key: str, *, model: Recommender | None = None) -> str:
    params = data_window(TRAIN) | {"seed": 7}
    fit = FitDescription(key, recipe(), "refit", AS_OF, "2026-11-16", "none", params)
    with registry.run(fit) as run:
        run.log_model(model or Likes().fit(TRAIN, NO_CONTENT, report=run.report))
    return run.run_id


# fits


def test_a_fit_is_found_by_its_key_and_loads_as_it_was(registry: Registry, mlflow_store: str):
    run_id = log_fit(registry, "a1")
    log_fit(registry, "b2")
    log_fit(registry, "a1")  # fitted twice after all: the first stays the one that is found
    assert registry_of(mlflow_store).find("a1") == run_id
    assert registry.find("c3") is None
    loaded = cast(Likes, registry.load(run_id))
    assert np.array_equal(loaded.likes_, fitted().likes_)
    assert np.array_equal(loaded.movie_ids_, RATINGS.movie_ids)
    assert loaded.like_threshold_ == TRAIN.like_threshold
    assert (loaded.compute.threads, loaded.compute.seed) == (
        registry.settings.threads,
        registry.settings.seed,
    )


def test_what_a_run_says_of_its_fit(registry: Registry):
    run = registry.client.get_run(log_fit(registry, "a1"))
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "weight": "1.0",
        "ratings": "4",
        "users": "3",
        "movies": "4",
        "like_threshold": "4.0",
        "oldest_rating": "2023-11-14T22:13:20+00:00",
        "newest_rating": "2023-11-14T22:13:23+00:00",
        "seed": "7",
    }
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
    assert tags == {
        "fit_key": "a1",
        "recipe": recipe().key,
        "kind": "refit",
        "as_of": "2026-11-16",
        "cut": "2026-11-16",
        "encoder": "tfidf-svd",  # what the model says it used, over what was expected
        "process": this_process(),
    }
    losses = registry.client.get_metric_history(run.info.run_id, "loss")
    assert [(metric.step, round(metric.value, 2)) for metric in losses] == [
        (0, 1.0),
        (1, 0.5),
        (2, 0.33),
    ]


def test_a_failed_fit_is_marked_and_not_found(registry: Registry):
    with (
        pytest.raises(ZeroDivisionError),
        registry.run(exam_fit()) as run,
    ):
        run.log_model(fitted())
        raise ZeroDivisionError
    assert registry.client.get_run(run.run_id).info.status == "FAILED"
    assert registry.find("a1") is None


def test_a_fit_that_logs_no_model_has_failed(registry: Registry):
    with (
        pytest.raises(ModelError, match=r"likes-\w+ up to c ended without a model"),
        registry.run(exam_fit()) as run,
    ):
        pass
    assert registry.client.get_run(run.run_id).info.status == "FAILED"


def test_a_fit_broken_off_is_not_found(registry: Registry):
    log_fit(registry, "b2")
    # a process that was killed: RUNNING for ever
    registry.client.create_run(registry.experiment_id, tags={"fit_key": "a1"})
    assert registry.find("a1") is None


def test_a_run_without_a_model_cannot_be_loaded(registry: Registry):
    run = registry.client.create_run(registry.experiment_id)
    for run_id in (run.info.run_id, "0" * 32):
        with pytest.raises(LedgerError, match=f"no model of run {run_id}"):
            registry.load(run_id)


def test_the_newest_fit_is_of_the_newest_week_and_the_refit_before_that_for_the_exam(
    registry: Registry,
):
    def fit(as_of: str, kind: str, name: str = "likes", status: str = "FINISHED") -> str:
        run_id = log_fit(registry, "a1")
        for tag, value in {"recipe": f"{name}-00000000", "kind": kind, "as_of": as_of}.items():
            registry.client.set_tag(run_id, tag, value)
        registry.client.set_terminated(run_id, status)
        return run_id

    assert registry.newest_fit("likes") is None
    exam = fit("2026-11-16", "exam")
    fit("2026-11-09", "refit")  # an older week, run again later
    fit("2026-11-23", "exam", status="FAILED")
    for kind in ("trial", "validation"):
        fit("2026-11-23", kind)
    fit("2026-11-23", "refit", name="likes_less")
    assert registry.newest_fit("likes") == exam
    refit = fit("2026-11-16", "refit")
    fit("2026-11-16", "exam")
    assert registry.newest_fit("likes") == refit


def model_files(registry: Registry, run_id: str) -> Path:
    """Where the test's store has a run's model."""
    logged = registry.client.get_logged_model(cast(str, registry.model_id(run_id)))
    return Path(logged.artifact_location.removeprefix("file://")) / "artifacts" / "model"


@pytest.mark.parametrize("name", ["config.json", "arrays.npz"])
@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_fit_of_which_a_file_is_lost_is_not_found(registry: Registry, name: str, how: str):
    run_id = log_fit(registry, "a1")
    path = model_files(registry, run_id) / name
    path.unlink()
    if how == "empty":
        path.touch()
    assert registry.find("a1") is None
    assert registry.newest_fit("likes") is None
    with pytest.raises(ModelLost, match=f"no model of run {run_id}"):
        registry.load(run_id)


@pytest.mark.parametrize("name", ["config.json", "arrays.npz"])
def test_a_damaged_model_is_a_sentence_and_given_up(registry: Registry, name: str):
    run_id = log_fit(registry, "a1")
    path = model_files(registry, run_id) / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelLost, match=f"damaged model of run {run_id}"):
        registry.load(run_id)
    assert registry.find("a1") == run_id
    registry.give_up(run_id)
    assert registry.find("a1") is None


def test_a_digest_is_of_what_is_in_the_arrays(registry: Registry):
    with registry.run(exam_fit()) as run:
        run.log_model(fitted())
    assert (
        registry.digest_of(run.run_id) == run.digest == registry.digest_of(log_fit(registry, "b2"))
    )
    other = fitted()
    other.likes_ = np.nextafter(other.likes_, np.inf)
    assert registry.digest_of(log_fit(registry, "c3", model=other)) != run.digest
    wider = fitted()
    wider.likes_ = wider.likes_.astype(np.float64)
    assert registry.digest_of(log_fit(registry, "d4", model=wider)) != run.digest


def test_nothing_is_left_in_the_temporary_folder(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    registry.load(log_fit(registry, "a1"))
    assert list(scratch.iterdir()) == []


def test_no_artifact_is_a_pickle(registry: Registry, tmp_path: Path):
    log_fit(registry, "a1")
    logged = [path for path in (tmp_path / "mlflow-artifacts").rglob("*") if path.is_file()]
    assert {"config.json", "arrays.npz", "served_model.py", "MLmodel"} <= {
        path.name for path in logged
    }
    for path in logged:
        assert path.suffix not in {".pkl", ".pickle", ".pt", ".joblib"}
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it says
            pickle.loads(path.read_bytes())  # noqa: S301


def test_a_models_way_is_quiet(
    registry: Registry, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
):
    registry.set_champion(registry.register(log_fit(registry, "a1"), "a1", {}))
    registry.load_version("1")
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn if warning.category is UserWarning] == []


# versions


def test_registering_again_gives_the_same_version(registry: Registry):
    first = registry.register(log_fit(registry, "a1"), "a1", {"recipe": "likes"})
    second = registry.register(log_fit(registry, "b2"), "b2", {})
    assert (first, second) == ("1", "2")
    assert registry.register(log_fit(registry, "a1"), "a1", {}) == first
    assert len(registry.client.search_model_versions("name = 'movie-recommender'")) == 2
    assert registry.client.get_model_version("movie-recommender", "1").tags == {
        "recipe": "likes",
        "fit_key": "a1",
    }


def test_a_version_loads_by_its_number(registry: Registry):
    registry.register(log_fit(registry, "a1"), "a1", {})
    other = fitted()
    other.likes_ = other.likes_ + 1
    version = registry.register(log_fit(registry, "b2", model=other), "b2", {})
    assert np.array_equal(cast(Likes, registry.load_version(version)).likes_, other.likes_)


def test_a_version_that_is_not_there_is_named(registry: Registry):
    with pytest.raises(LedgerError, match="no version 7 of movie-recommender"):
        registry.load_version("7")


def test_the_alias_mirrors_what_it_is_given(registry: Registry, monkeypatch: pytest.MonkeyPatch):
    assert registry.champion() is None
    versions = [registry.register(log_fit(registry, key), key, {}) for key in ("a1", "b2")]
    assert registry.champion() is None
    for version in versions:
        registry.set_champion(version)
        assert registry.champion() == version
    monkeypatch.setattr(
        registry.client,
        "set_registered_model_alias",
        lambda *_: pytest.fail("wrote what was right already"),
    )
    registry.set_champion(versions[-1])


def test_mlflow_serves_the_champion(registry: Registry):
    registry.set_champion(registry.register(log_fit(registry, "a1"), "a1", {}))
    served = mlflow.pyfunc.load_model("models:/movie-recommender@champion")
    given = {"movie_ids": [[30, 77], []], "ratings": [[5.0, 1.0], []], "rated_at": [[1, 2], []]}
    lists = served.predict(pd.DataFrame({"user_id": [2, 99], **given}), params={"n": 2})
    assert lists["user_id"].tolist() == [2, 99]
    assert lists["movie_ids"].tolist() == [[20, 10], []]
    assert lists["scores"].tolist() == [[2.0, 1.0], []]


def test_a_user_may_come_twice_with_other_histories(registry: Registry):
    registry.set_champion(registry.register(log_fit(registry, "a1"), "a1", {}))
    served = mlflow.pyfunc.load_model("models:/movie-recommender@champion")
    given = {
        "user_id": [2, 2],
        "movie_ids": [[20, 20, 10], [30]],
        "ratings": [[1.0, 5.0, 4.0], [0.5]],
        "rated_at": [[9, 8, 7], [1]],
    }
    lists = served.predict(pd.DataFrame(given), params={"n": 4})
    assert lists["movie_ids"].tolist() == [[30, 40], [20, 10, 40]]


def test_a_user_id_alone_is_refused_with_a_sentence(registry: Registry):
    registry.set_champion(registry.register(log_fit(registry, "a1"), "a1", {}))
    served = mlflow.pyfunc.load_model("models:/movie-recommender@champion")
    with pytest.raises(ModelError, match="a user_id alone says nothing to a model; expected lists"):
        served.predict(pd.DataFrame({"user_id": [2, 99]}))


def test_lists_of_different_lengths_are_refused(registry: Registry):
    registry.set_champion(registry.register(log_fit(registry, "a1"), "a1", {}))
    served = mlflow.pyfunc.load_model("models:/movie-recommender@champion")
    given = {"movie_ids": [[10], [20, 30]], "ratings": [[5.0], [4.0]], "rated_at": [[1], [1, 2]]}
    with pytest.raises(ModelError, match="row 1: 2 movie_ids, 1 ratings, 2 rated_at; expected"):
        served.predict(pd.DataFrame({"user_id": [1, 2], **given}))


def delete_version(registry: Registry, run_id: str) -> None:
    registry.client.delete_model_version("movie-recommender", "1")


def delete_registered_model(registry: Registry, run_id: str) -> None:
    registry.client.delete_registered_model("movie-recommender")


def delete_model_files(registry: Registry, run_id: str) -> None:
    shutil.rmtree(model_files(registry, run_id))


@pytest.mark.parametrize("lose", [delete_version, delete_registered_model, delete_model_files])
def test_a_lost_version_is_registered_again_by_its_fit_key(
    registry: Registry, lose: Callable[[Registry, str], None]
):
    run_id = log_fit(registry, "a1")
    registry.register(run_id, "a1", {})
    lose(registry, run_id)
    assert registry.find_version("a1", "1") is None
    again = registry.register(log_fit(registry, "a1"), "a1", {})
    assert registry.find_version("a1", "1") == again
    assert np.array_equal(cast(Likes, registry.load_version(again)).likes_, fitted().likes_)


def test_a_number_that_another_store_gave_to_another_model_is_not_taken(registry: Registry):
    registry.register(log_fit(registry, "b2"), "b2", {})
    mine = registry.register(log_fit(registry, "a1"), "a1", {})
    assert registry.find_version("a1", "1") == mine == "2"
    assert registry.run_of("c3", "1") is None


# the week


def test_a_week_has_one_run_however_often_it_is_recorded(registry: Registry, mlflow_store: str):
    def record(registry: Registry, report: str) -> str:
        return registry.record_week(
            AS_OF, texts={"report.md": report}, metrics={"likes NDCG@10": 0.25}, is_last=True
        )

    first = record(registry, "# one")
    assert record(registry_of(mlflow_store), "# two") == first
    assert registry.record_week(date(2026, 11, 23), texts={}, metrics={}) != first
    run = registry.client.get_run(first)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"likes NDCG_at_10": 0.25})
    assert len(registry.client.get_metric_history(first, "likes NDCG_at_10")) == 1
    assert [item.path for item in registry.client.list_artifacts(first)] == ["report.md"]
    assert load_text(f"runs:/{first}/report.md") == "# two"


def test_the_experiment_is_made_once(
    registry: Registry, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
):
    late = registry_of(mlflow_store)
    find = late.client.get_experiment_by_name
    answers = iter([None])  # the other process creates it between our question and our attempt
    monkeypatch.setattr(
        late.client, "get_experiment_by_name", lambda name: next(answers, find(name))
    )
    assert registry.experiment_id == late.experiment_id


def test_a_deleted_experiment_is_restored_with_its_fits(
    registry: Registry, mlflow_store: str, caplog: pytest.LogCaptureFixture
):
    run_id = log_fit(registry, "a1")
    registry.client.delete_experiment(registry.experiment_id)
    again = registry_of(mlflow_store)
    assert again.find("a1") == run_id
    assert (
        f"experiment 'weekly-recommendations' (id {again.experiment_id}) was deleted: it is "
        "restored" in caplog.text
    )


def test_a_deleted_experiment_that_may_not_be_restored_is_a_sentence(
    registry: Registry, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
):
    registry.client.delete_experiment(registry.experiment_id)
    again = registry_of(mlflow_store)

    def refuse(_experiment_id: str) -> None:
        raise MlflowException("Permission denied")

    monkeypatch.setattr(again.client, "restore_experiment", refuse)
    with pytest.raises(
        LedgerError,
        match=r"was deleted and could not be restored: Permission denied; restore it "
        r"with `mlflow exp",
    ):
        again.find("a1")


# the key


KEY_PARTS = {"cut": "2026-11-01", "fingerprint": "f", "seed": 1, "encoder": "none"}


def test_equal_fits_have_equal_keys():
    assert fit_key(recipe(), **KEY_PARTS) == fit_key(
        Recipe.from_json(recipe().to_json()), **KEY_PARTS
    )


@pytest.mark.parametrize(
    "change",
    [
        {"cut": "2026-11-02"},
        {"fingerprint": "g"},
        {"seed": 2},
        {"encoder": "tfidf"},
        {"recipe": recipe(2.0)},
    ],
)
def test_any_part_changes_the_key(change: dict):
    parts = {"recipe": recipe(), **KEY_PARTS}
    assert fit_key(**parts) != fit_key(**{**parts, **change})


def test_code_of_models_and_features_is_part_of_the_key(tmp_path: Path):
    for package in (*PACKAGES, "scoring"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "module.py").write_text("x = 1\n")
    before = digest_of_sources(tmp_path)
    (tmp_path / "scoring" / "module.py").write_text("x = 2\n")
    (tmp_path / "models" / "module.pyc").write_bytes(b"compiled")
    assert digest_of_sources(tmp_path) == before
    (tmp_path / "features" / "module.py").write_text("x = 2\n")
    assert digest_of_sources(tmp_path) != before


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("file", ["module.py", "hybrid/recipe.py", "blend/deep/weights.py"])
def test_the_key_covers_code_at_any_depth(tmp_path: Path, package: str, file: str):
    source = tmp_path / package / file
    source.parent.mkdir(parents=True)
    source.write_text("x = 1\n")
    before = digest_of_sources(tmp_path)
    source.write_text("x = 2\n")
    assert digest_of_sources(tmp_path) != before


def test_every_module_of_a_recipe_is_under_the_packages_of_the_key():
    for name in MODELS:
        module = Path(inspect.getfile(model_class(name)))
        assert module.parents[1].name == "models" or module.parents[0].name == "models", module
