"""Fits as MLflow runs: made once, found again by their fit key, loaded as they were."""

import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed_version
from pathlib import Path, PurePosixPath

import mlflow
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.entities import Param, Run, RunTag
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, DataType
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.errors import ModelError, ModelLost
from recsys.models.base import Recommender
from recsys.recipe import Recipe
from recsys.registry.compute import compute_of
from recsys.registry.digest import digest_of_directory
from recsys.registry.files import load_directory
from recsys.registry.names import Kind, metric_name
from recsys.registry.tracking import Tracking, unless

#: Name of the model in its run, and of the directory inside the logged model.
MODEL = "model"
#: What that directory holds.
FILES = ("config.json", "arrays.npz")
SERVED_MODEL = Path(__file__).with_name("served_model.py")
#: Whose versions are logged with a model, for MLflow to hold against those that serve it. `recsys`
#: is not among them: no package index has it; its wheel brings all that it needs.
REQUIREMENTS = ("numpy", "scipy", "pandas", "pydantic", "implicit", "torch")
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("long", "user_id")]),
    outputs=Schema(
        [
            ColSpec("long", "user_id"),
            ColSpec(Array(DataType.long), "movie_ids"),
            ColSpec(Array(DataType.double), "scores"),
        ]
    ),
    params=ParamSchema([ParamSpec("n", "long", 10)]),
)
#: What reading damaged files raises.
_DAMAGE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, ModelError)


class Fits(Tracking):
    """Fits by their fit key and by their run."""

    def find(self, fit_key: str) -> str | None:
        """Run id of the first finished fit with that key, or None; failed, broken-off and lost ones
        do not count.
        """
        for run in self.runs(f"tags.fit_key = '{fit_key}' and attributes.status = 'FINISHED'"):
            if self.is_whole(run.info.run_id):
                return run.info.run_id
        return None

    def newest_fit(self, name: str) -> str | None:
        """Run id of a recipe's finished fit for the newest week, the refit before that for the
        exam; None without one.

        A fit whose model MLflow has lost does not count.
        """
        finished = f"tags.recipe LIKE '{name}-%' and attributes.status = 'FINISHED'"
        newest = ("tags.as_of DESC", "attributes.start_time DESC")
        fits = [
            run
            for kind in ("refit", "exam")
            for run in self.runs(f"{finished} and tags.kind = '{kind}'", newest)
        ]
        for run in sorted(fits, key=lambda run: run.data.tags["as_of"], reverse=True):
            if self.is_whole(run.info.run_id):
                return run.info.run_id
        return None

    @contextmanager
    def run(
        self,
        fit_key: str,
        recipe: Recipe,
        *,
        kind: Kind,
        as_of: date,
        cut: str,
        encoder: str,
        params: Mapping[str, object],
        parent: str | None = None,
    ) -> Iterator["FitRun"]:
        """A fit's MLflow run, open until the block ends: FINISHED with its model, FAILED with
        whatever the block raises.

        Hyperparameters are logged by themselves; `params` adds the data window, fingerprint and
        seed (see `data_window`). `parent` is the run that it lies beneath. A run of the same fit
        that is still open is of a process that was killed, and is closed as such.
        """
        for killed in self.runs(f"tags.fit_key = '{fit_key}' and attributes.status = 'RUNNING'"):
            self.client.set_terminated(killed.info.run_id, "KILLED")
        tags = {
            "fit_key": fit_key,
            "recipe": recipe.key,
            "kind": kind,
            "as_of": as_of.isoformat(),
            "cut": cut,
            "encoder": encoder,
        }
        if parent:
            tags[MLFLOW_PARENT_RUN_ID] = parent
        run_id = self.create_run(f"{recipe.key} {as_of} {kind}", tags)
        # a blend's members are fitted within its own run
        with mlflow.start_run(run_id=run_id, nested=True):
            run = FitRun(self.client, run_id)
            run.log_params({**dict(recipe.settings), **params})
            yield run
            if run.model_id is None:
                raise ModelError(
                    f"the fit of {recipe.key} up to {cut} ended without a model: "
                    "expected log_model inside the run"
                )

    def is_whole(self, run_id: str) -> bool:
        """Whether MLflow has the run and all files of its model. What they hold, `load` alone finds
        out.
        """
        return self._place(run_id) is not None

    def load(self, run_id: str) -> Recommender:
        """The fitted model of a run, computing as the settings say. Raises ModelLost without the
        run or its whole model.
        """
        with self._directory(run_id) as directory:
            try:
                return load_directory(directory, compute_of(self.settings))
            except _DAMAGE as error:
                raise ModelLost(
                    f"MLflow at {self.uri} has a damaged model of run {run_id}: {error}"
                ) from error

    def digest_of(self, run_id: str) -> str:
        """The digest of a run's model. Raises ModelLost as `load` does."""
        with self._directory(run_id) as directory:
            try:
                return digest_of_directory(directory)
            except _DAMAGE as error:
                raise ModelLost(
                    f"MLflow at {self.uri} has a damaged model of run {run_id}: {error}"
                ) from error

    def give_up(self, run_id: str) -> None:
        """Mark a run as FAILED whose model cannot be read, so that nobody finds it again."""
        self.client.set_terminated(run_id, "FAILED")

    @contextmanager
    def _directory(self, run_id: str) -> Iterator[Path]:
        """A run's model as files, for as long as the block lasts."""
        source = self._place(run_id)
        if source is None:
            raise ModelLost(
                f"MLflow at {self.uri} has no model of run {run_id}: expected a "
                "finished fit with all its files"
            )
        with tempfile.TemporaryDirectory(prefix="recsys-model-") as directory:
            yield Path(
                download_artifacts(artifact_uri=source, dst_path=directory, tracking_uri=self.uri)
            )

    def _place(self, run_id: str) -> str | None:
        """The address of a run's model, None where MLflow lacks the run, the model or one of its
        files.
        """
        logged = None
        with unless("RESOURCE_DOES_NOT_EXIST"):
            run = self.client.get_run(run_id)
            model_id = _model_id(run)
            if run.info.status == "FINISHED" and model_id:
                logged = self.client.get_logged_model(model_id)
        if logged is None:
            return None
        source = f"{logged.artifact_location}/artifacts/{MODEL}"
        files = {
            PurePosixPath(file.path).name: file
            for file in list_artifacts(artifact_uri=source, tracking_uri=self.uri)
        }
        return (
            source if all(name in files and files[name].file_size != 0 for name in FILES) else None
        )

    def model_id(self, run_id: str) -> str | None:
        """Of the model that a run logged, None without one."""
        with unless("RESOURCE_DOES_NOT_EXIST"):
            return _model_id(self.client.get_run(run_id))
        return None


def _model_id(run: Run) -> str | None:
    models = run.outputs.model_outputs if run.outputs else []
    return models[0].model_id if models else None


@dataclass
class FitRun:
    """An open fit. `digest` is of its model, once that is logged."""

    client: mlflow.MlflowClient
    run_id: str
    model_id: str | None = None
    digest: str = ""
    failed: bool = False

    def log_params(self, params: Mapping[str, object]) -> None:
        self.client.log_batch(
            self.run_id, params=[Param(name, str(value)) for name, value in params.items()]
        )

    def tag(self, name: str, value: str) -> None:
        self.client.set_tag(self.run_id, name, value)

    def report(self, name: str, value: float, step: int) -> None:
        """One value of a metric: what `Recommender.fit(report=…)` calls."""
        self.client.log_metric(self.run_id, metric_name(name), value, step=step)

    def log_model(self, model: Recommender) -> None:
        """Log the fitted model: the directory that it saves, with the code that serves it, and its
        own tags.
        """
        self.client.log_batch(
            self.run_id, tags=[RunTag(name, value) for name, value in model.tags().items()]
        )
        with (
            tempfile.TemporaryDirectory(prefix="recsys-model-") as directory,
            warnings.catch_warnings(),
        ):
            # advice on type hints and input examples: the signature is explicit
            warnings.simplefilter("ignore", UserWarning)
            model.save(Path(directory) / MODEL)
            self.digest = digest_of_directory(Path(directory) / MODEL)
            logged = mlflow.pyfunc.log_model(
                name=MODEL,
                python_model=str(SERVED_MODEL),
                artifacts={MODEL: str(Path(directory) / MODEL)},
                pip_requirements=_requirements(),
                signature=SIGNATURE,
            )
        self.model_id = logged.model_id


def _requirements() -> list[str]:
    """The installed versions, less a local part such as `+cpu`, which the package index does not
    have.
    """
    return [f"{name}=={installed_version(name).split('+')[0]}" for name in REQUIREMENTS]
