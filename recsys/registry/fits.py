"""Fits as MLflow runs: made once, looked up by their fit key, loaded as they were."""

import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import mlflow
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.entities import LoggedModel, Param, Run, RunTag
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, DataType
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.errors import ModelError, ModelLost
from recsys.models.base import Recommender
from recsys.registry.compute import compute_of
from recsys.registry.description import FitDescription
from recsys.registry.digest import digest_of_directory
from recsys.registry.files import load_directory
from recsys.registry.names import Kind, metric_name
from recsys.registry.termination import PROCESS, ending_by_exception, this_process
from recsys.registry.tracking import Tracking, unless
from recsys.registry.wandb_runs import wandb_run

if TYPE_CHECKING:
    from wandb import Run as WandbRun

__all__ = ["FitRun", "Fits"]

#: Name of the model in its run, and of the directory inside the logged model.
MODEL = "model"
#: What that directory holds.
FILES = ("config.json", "arrays.npz")
SERVED_MODEL = Path(__file__).with_name("served_model.py")
#: Whose versions are logged with a model, for MLflow to hold against those that serve it. `recsys`
#: is not among them: no package index has it; its wheel brings all that it needs.
REQUIREMENTS = ("numpy", "scipy", "pandas", "pydantic", "implicit", "torch")
SIGNATURE = ModelSignature(
    # the lists are needed: without them the model itself says why, in a sentence
    inputs=Schema(
        [
            ColSpec("long", "user_id"),
            ColSpec(Array(DataType.long), "movie_ids", required=False),
            ColSpec(Array(DataType.double), "ratings", required=False),
            ColSpec(Array(DataType.long), "rated_at", required=False),
        ]
    ),
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
        """Return the run id of the first finished fit with that key, or None; failed, interrupted
        and lost ones do not count.
        """
        runs = self.runs(f"tags.fit_key = '{fit_key}' and attributes.status = 'FINISHED'")
        return self._first_whole(runs)

    def newest_fit(self, name: str) -> str | None:
        """Return the run id of a recipe's finished fit for the newest week, the refit before that
        for the exam; None without one.

        A fit whose model MLflow has lost does not count.
        """
        fits = [*self._finished(name, "refit"), *self._finished(name, "exam")]
        newest_first = sorted(fits, key=lambda run: run.data.tags["as_of"], reverse=True)
        return self._first_whole(newest_first)

    @contextmanager
    def run(self, fit: FitDescription) -> Iterator["FitRun"]:
        """Open a fit's MLflow run until the block ends: FINISHED with its model, FAILED with
        whatever the block raises.

        A run of the same fit that is still open is of a process that was killed, and is closed as
        such; so are those of processes of this host that have ended.
        """
        self.close_dead()
        self.close_killed(f"tags.fit_key = '{fit.fit_key}'")
        beneath = {MLFLOW_PARENT_RUN_ID: fit.parent} if fit.parent else {}
        tags = fit.tags | beneath | {PROCESS: this_process()}
        with ending_by_exception(), ExitStack() as stack:
            run_id = self.create_run(fit.name, tags)
            # a blend's members are fitted within its own run
            measured = self.settings.system_metrics
            opened = mlflow.start_run(run_id=run_id, nested=True, log_system_metrics=measured)
            stack.enter_context(opened)
            mirror = stack.enter_context(wandb_run(fit, run_id, self.settings))
            run = FitRun(self.client, run_id, mirror)
            run.log_params(fit.all_params)
            yield run
            run.check_model(fit)

    def is_whole(self, run_id: str) -> bool:
        """Return whether MLflow has the run and all files of its model. What they hold, `load`
        alone finds out.
        """
        return self._address(run_id) is not None

    def load(self, run_id: str) -> Recommender:
        """Return the fitted model of a run, computing as the settings say. Raises ModelLost without
        the run or its whole model.
        """
        with self._directory(run_id) as directory:
            return load_directory(directory, compute_of(self.settings))

    def digest_of(self, run_id: str) -> str:
        """Return the digest of a run's model. Raises ModelLost as `load` does."""
        with self._directory(run_id) as directory:
            return digest_of_directory(directory)

    def give_up(self, run_id: str) -> None:
        """Mark a run as FAILED whose model cannot be read, so that nobody finds it again."""
        self.client.set_terminated(run_id, "FAILED")

    def _finished(self, name: str, kind: Kind) -> Iterator[Run]:
        """Yield a recipe's finished fits of a kind, the newest week's first."""
        of_recipe = f"tags.recipe LIKE '{name}-%' and attributes.status = 'FINISHED'"
        newest = ("tags.as_of DESC", "attributes.start_time DESC")
        return self.runs(f"{of_recipe} and tags.kind = '{kind}'", newest)

    def _first_whole(self, runs: Iterable[Run]) -> str | None:
        run_ids = (run.info.run_id for run in runs)
        return next((run_id for run_id in run_ids if self.is_whole(run_id)), None)

    @contextmanager
    def _directory(self, run_id: str) -> Iterator[Path]:
        """A run's model as files, for as long as the block lasts. Raises ModelLost where it is not
        there, or the block finds it damaged.
        """
        source = self._address(run_id)
        if source is None:
            raise ModelLost(
                f"MLflow at {self.uri} has no model of run {run_id}: expected a "
                "finished fit with all its files"
            )
        with tempfile.TemporaryDirectory(prefix="recsys-model-") as directory:
            path = download_artifacts(
                artifact_uri=source, dst_path=directory, tracking_uri=self.uri
            )
            try:
                yield Path(path)
            except _DAMAGE as error:
                raise ModelLost(
                    f"MLflow at {self.uri} has a damaged model of run {run_id}: {error}"
                ) from error

    def _address(self, run_id: str) -> str | None:
        """Return the address of a run's model, None where MLflow lacks the run, the model or one of
        its files.
        """
        logged = self.logged_model(run_id)
        if logged is None:
            return None
        address = f"{logged.artifact_location}/artifacts/{MODEL}"
        files = list_artifacts(artifact_uri=address, tracking_uri=self.uri)
        sizes = {PurePosixPath(file.path).name: file.file_size for file in files}
        # a store that tells no size says None
        return address if all(sizes.get(name, 0) != 0 for name in FILES) else None

    def logged_model(self, run_id: str) -> LoggedModel | None:
        """Return the model that a finished run logged, None without one."""
        with unless("RESOURCE_DOES_NOT_EXIST"):
            run = self.client.get_run(run_id)
            model_id = _model_id(run)
            if run.info.status == "FINISHED" and model_id:
                return self.client.get_logged_model(model_id)
        return None

    def model_id(self, run_id: str) -> str | None:
        """Return the id of the model that a run logged, None without one."""
        with unless("RESOURCE_DOES_NOT_EXIST"):
            return _model_id(self.client.get_run(run_id))
        return None


def _model_id(run: Run) -> str | None:
    models = run.outputs.model_outputs if run.outputs else []
    return models[0].model_id if models else None


@dataclass
class FitRun:
    """An open fit. `digest` is of its model, once that is logged; `mirror` is its run of another
    tracker.
    """

    client: mlflow.MlflowClient
    run_id: str
    mirror: "WandbRun | None" = None
    model_id: str | None = None
    digest: str = ""
    failed: bool = False

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log the run's parameters, as text."""
        logged = [Param(name, str(value)) for name, value in params.items()]
        self.client.log_batch(self.run_id, params=logged)

    def tag(self, name: str, value: str) -> None:
        """Set a tag of the run."""
        self.client.set_tag(self.run_id, name, value)

    def report(self, name: str, value: float, step: int) -> None:
        """Log one value of a metric: what `Recommender.fit(report=…)` calls."""
        self.client.log_metric(self.run_id, metric_name(name), value, step=step)
        if self.mirror is not None:
            self.mirror.log({metric_name(name): value, "step": step})

    def log_model(self, model: Recommender) -> None:
        """Log the fitted model: the directory that it saves, with the code that serves it, and its
        own tags.
        """
        tags = [RunTag(name, value) for name, value in model.tags().items()]
        self.client.log_batch(self.run_id, tags=tags)
        with tempfile.TemporaryDirectory(prefix="recsys-model-") as directory:
            saved = Path(directory) / MODEL
            model.save(saved)
            self.digest = digest_of_directory(saved)
            self.model_id = log_saved(saved)

    def check_model(self, fit: FitDescription) -> None:
        """Raise ModelError where no model was logged."""
        if self.model_id is None:
            raise ModelError(
                f"the fit of {fit.recipe.key} up to {fit.cut} ended without a model: expected "
                "log_model inside the run"
            )


def log_saved(saved: Path) -> str:
    """Log a saved model to the open run, with the code that serves it; return its id."""
    with warnings.catch_warnings():
        # advice on type hints and input examples: the signature is explicit
        warnings.simplefilter("ignore", UserWarning)
        logged = mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=str(SERVED_MODEL),
            artifacts={MODEL: str(saved)},
            pip_requirements=requirements(),
            signature=SIGNATURE,
        )
    return logged.model_id


def requirements() -> list[str]:
    """Return the installed versions, less a local part such as `+cpu`, which the package index does
    not have.
    """
    return [f"{name}=={installed_version(name).split('+')[0]}" for name in REQUIREMENTS]
