"""The registry: fits as MLflow runs, champions as versions of one registered model, a run a week for what the week reports."""

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Literal

import mlflow
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.errors import LedgerError, ModelError
from recsys.features.interactions import Interactions
from recsys.models.base import Recommender
from recsys.recipe import Recipe
from recsys.registry.compute import compute_of
from recsys.registry.files import load_directory
from recsys.settings import Settings

CHAMPION = "champion"
#: Name of the model in its run, and of the directory inside the logged model.
MODEL = "model"
SERVED_MODEL = Path(__file__).with_name("served_model.py")
#: What a served model needs besides `recsys` itself.
REQUIREMENTS = ("numpy", "scipy", "pandas", "pydantic", "implicit", "torch")
SIGNATURE = ModelSignature(inputs=Schema([ColSpec("long", "user_id")]), params=ParamSchema([ParamSpec("n", "long", 10)]))


class Registry:
    """MLflow under the names of the settings. Its tracking URI becomes this process's."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        uri = settings.mlflow_tracking_uri
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        self.client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    @cached_property
    def experiment_id(self) -> str:
        """Of the settings' experiment, created if need be; two processes may try at once."""
        name = self.settings.mlflow_experiment
        found = self.client.get_experiment_by_name(name)
        if found is None:
            with _unless("RESOURCE_ALREADY_EXISTS"):
                return self.client.create_experiment(name)
            found = self.client.get_experiment_by_name(name)
        if found is None:
            raise LedgerError(
                f"MLflow at {self.client.tracking_uri} has no experiment {name!r} though it could not be created either"
            )
        return found.experiment_id

    # fits

    def find(self, fit_key: str) -> str | None:
        """Run id of the first finished fit with that key, or None; failed and broken-off fits do not count."""
        run = self._first_run(f"tags.fit_key = '{fit_key}' and attributes.status = 'FINISHED'")
        return run.info.run_id if run else None

    def newest_fit(self, name: str) -> str | None:
        """Run id of a recipe's finished fit for the newest week, the refit before that for the exam; None without one."""
        finished = f"tags.recipe LIKE '{name}-%' and attributes.status = 'FINISHED'"
        newest = ("tags.as_of DESC", "attributes.start_time DESC")
        found = [self._first_run(f"{finished} and tags.kind = '{kind}'", newest) for kind in ("refit", "exam")]
        run = max(filter(None, found), key=lambda run: run.data.tags["as_of"], default=None)
        return run.info.run_id if run else None

    @contextmanager
    def run(
        self,
        fit_key: str,
        recipe: Recipe,
        *,
        kind: Literal["validation", "exam", "refit"],
        as_of: date,
        cut: str,
        encoder: str,
        params: Mapping[str, object],
    ) -> Iterator["FitRun"]:
        """A fit's MLflow run, open until the block ends: FINISHED with its model, FAILED with whatever the block raises.

        Hyperparameters are logged by themselves; `params` adds the data window, fingerprint and seed (see `data_window`).
        """
        tags = {
            "fit_key": fit_key,
            "recipe": recipe.key,
            "kind": kind,
            "as_of": as_of.isoformat(),
            "cut": cut,
            "encoder": encoder,
        }
        name = f"{recipe.name} {as_of} {kind}"
        created = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
        with mlflow.start_run(run_id=created.info.run_id, nested=True):  # a blend's members are fitted within its own run
            run = FitRun(self.client, created.info.run_id)
            run.log_params({**dict(recipe.settings), **params})
            yield run
            if run.model_id is None:
                raise ModelError(f"the fit of {recipe.key} up to {cut} ended without a model: expected log_model inside the run")

    def load(self, run_id: str) -> Recommender:
        """The fitted model of a run, computing as the settings say. Raises LedgerError without the run or its model."""
        logged = self.client.get_logged_model(self._model_id(run_id))
        source = f"{logged.artifact_location}/artifacts/{MODEL}"
        with tempfile.TemporaryDirectory(prefix="recsys-model-") as directory:
            path = download_artifacts(artifact_uri=source, dst_path=directory, tracking_uri=self.settings.mlflow_tracking_uri)
            return load_directory(Path(path), compute_of(self.settings))

    # studies

    def study_run(self, study: str, name: str, *, as_of: date) -> str:
        """Id of a study's one run, made at the first call: the parent of its trials' runs."""
        run = self._first_run(f"tags.kind = 'study' and tags.study = '{study}'")
        if run is None:
            tags = {"kind": "study", "study": study, "recipe_name": name, "as_of": as_of.isoformat()}
            run = self.client.create_run(self.experiment_id, run_name=f"{name} {as_of} study", tags=tags)
        return run.info.run_id

    @contextmanager
    def trial_run(self, study: str, parent: str, number: int, recipe: Recipe) -> Iterator["FitRun"]:
        """A trial's run beneath its study's, open until the block ends: FINISHED, or FAILED where the block says so or raises.

        A run of the same trial that is still open is of a process that was killed, and is closed as such.
        """
        killed = self._first_run(f"tags.study = '{study}' and tags.trial = '{number}' and attributes.status = 'RUNNING'")
        if killed:
            self.client.set_terminated(killed.info.run_id, "KILLED")
        tags = {"kind": "trial", "study": study, "trial": str(number), "recipe": recipe.key, MLFLOW_PARENT_RUN_ID: parent}
        created = self.client.create_run(self.experiment_id, run_name=f"{recipe.name} trial {number}", tags=tags)
        run = FitRun(self.client, created.info.run_id)
        run.log_params(dict(recipe.settings))
        status = "FAILED"
        try:
            yield run
            status = "FAILED" if run.failed else "FINISHED"
        finally:
            self.client.set_terminated(run.run_id, status)

    def end_study(self, run_id: str, as_of: date, metrics: Mapping[str, float]) -> None:
        """Keep how a study stands now; the same again changes nothing, as a metric's time is `as_of`."""
        self.client.log_batch(run_id, metrics=_metrics(metrics, as_of))
        self.client.set_terminated(run_id)

    # versions

    def register(self, run_id: str, fit_key: str, tags: Mapping[str, str]) -> str:
        """The version of the run's model under the settings' registered name: the one with that fit key, or a new one."""
        name = self.settings.registered_model
        with _unless("RESOURCE_ALREADY_EXISTS"):
            self.client.create_registered_model(name)
        same = self.client.search_model_versions(f"name = '{name}' and tags.fit_key = '{fit_key}'")
        if same:
            return str(min(int(found.version) for found in same))
        model_id = self._model_id(run_id)
        all_tags = {**tags, "fit_key": fit_key}
        created = self.client.create_model_version(
            name, f"models:/{model_id}", run_id=run_id, model_id=model_id, tags=all_tags, await_creation_for=0
        )
        return str(created.version)

    def load_version(self, version: str) -> Recommender:
        """The model of a version by its number. Raises LedgerError where MLflow lacks it."""
        name, found = self.settings.registered_model, None
        with _unless("RESOURCE_DOES_NOT_EXIST"):
            found = self.client.get_model_version(name, version)
        if found is None or not found.run_id:
            raise LedgerError(f"MLflow at {self.client.tracking_uri} has no version {version} of {name}, which the ledger names")
        return self.load(found.run_id)

    def version_tags(self, version: str) -> Mapping[str, str]:
        """What a version was registered with: its recipe, its week and its fit key."""
        return self.client.get_model_version(self.settings.registered_model, version).tags

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Add to what a version says of itself."""
        for name, value in tags.items():
            self.client.set_model_version_tag(self.settings.registered_model, version, name, value)

    def champion(self) -> str | None:
        """The version that the alias points at, None without one."""
        with _unless("RESOURCE_DOES_NOT_EXIST"):
            version = self.client.get_registered_model(self.settings.registered_model).aliases.get(CHAMPION)
            return None if version is None else str(version)
        return None

    def set_champion(self, version: str) -> None:
        """Let the alias mirror the ledger; writes nothing where it does already."""
        if self.champion() != str(version):
            self.client.set_registered_model_alias(self.settings.registered_model, CHAMPION, version)

    # the week

    def record_week(self, as_of: date, *, texts: Mapping[str, str], metrics: Mapping[str, float]) -> str:
        """Keep a week's texts (file name → content) and metrics in the week's one run, made at the first call. Returns its id.

        The same again changes nothing: a text replaces its namesake, and a metric's time is `as_of`, not the clock's. `@` in a
        metric's name, which MLflow refuses, becomes `_at_`.
        """
        run_id = self._week_run(as_of)
        self.client.log_batch(run_id, metrics=_metrics(metrics, as_of))
        for name, text in texts.items():
            self.client.log_text(run_id, text, name)
        self.client.set_terminated(run_id)
        return run_id

    def _week_run(self, as_of: date) -> str:
        run = self._first_run(f"tags.kind = 'week' and tags.as_of = '{as_of.isoformat()}'")
        if run is None:
            tags = {"kind": "week", "as_of": as_of.isoformat()}
            run = self.client.create_run(self.experiment_id, run_name=f"week {as_of}", tags=tags)
        return run.info.run_id

    def _first_run(self, condition: str, order: Sequence[str] = ("attributes.start_time ASC",)) -> Run | None:
        runs = self.client.search_runs([self.experiment_id], condition, max_results=1, order_by=list(order))
        return runs[0] if runs else None

    def _model_id(self, run_id: str) -> str:
        with _unless("RESOURCE_DOES_NOT_EXIST"):
            outputs = self.client.get_run(run_id).outputs
            models = outputs.model_outputs if outputs else []
            if models:
                return models[0].model_id
        raise LedgerError(f"MLflow at {self.client.tracking_uri} has no model of run {run_id}: expected a finished fit")


@dataclass
class FitRun:
    """An open fit."""

    client: mlflow.MlflowClient
    run_id: str
    model_id: str | None = None
    failed: bool = False

    def log_params(self, params: Mapping[str, object]) -> None:
        self.client.log_batch(self.run_id, params=[Param(name, str(value)) for name, value in params.items()])

    def report(self, name: str, value: float, step: int) -> None:
        """One value of a metric: what `Recommender.fit(report=…)` calls."""
        self.client.log_metric(self.run_id, name.replace("@", "_at_"), value, step=step)

    def log_model(self, model: Recommender) -> None:
        """Log the fitted model: the directory that it saves, with the code that serves it, and its own tags."""
        self.client.log_batch(self.run_id, tags=[RunTag(name, value) for name, value in model.tags().items()])
        with tempfile.TemporaryDirectory(prefix="recsys-model-") as directory, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # advice on type hints and input examples: the signature is explicit
            model.save(Path(directory) / MODEL)
            logged = mlflow.pyfunc.log_model(
                name=MODEL,
                python_model=str(SERVED_MODEL),
                artifacts={MODEL: str(Path(directory) / MODEL)},
                pip_requirements=_requirements(),
                signature=SIGNATURE,
            )
        self.model_id = logged.model_id


def data_window(train: Interactions) -> dict[str, object]:
    """What a fit saw, in parameters that people read: counts, and the first and last rating's time in UTC."""
    counts: dict[str, object] = {"ratings": len(train), "users": train.shape[0], "movies": train.shape[1]}
    if not len(train):
        return counts
    oldest, newest = (datetime.fromtimestamp(int(moment), UTC).isoformat() for moment in (train.rated_at.min(), train.newest))
    return {**counts, "oldest_rating": oldest, "newest_rating": newest}


def _metrics(values: Mapping[str, float], as_of: date) -> list[Metric]:
    """Metrics of a week, dated by it: logged again, they are the same."""
    moment = int(datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC).timestamp() * 1000)
    return [Metric(name.replace("@", "_at_"), value, moment, 0) for name, value in values.items()]


def _requirements() -> list[str]:
    """The installed versions, less a local part such as `+cpu`, which the package index does not have."""
    return [f"{name}=={installed_version(name).split('+')[0]}" for name in REQUIREMENTS]


@contextmanager
def _unless(code: str) -> Iterator[None]:
    """Let one MLflow error pass, by its code."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != code:
            raise
