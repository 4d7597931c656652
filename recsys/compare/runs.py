"""Comparisons as MLflow runs: one a comparison, beneath it one for each recipe and seed."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import Experiment, Metric
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.overrides import written
from recsys.recipe import Recipe
from recsys.registry.fit_key import code_version
from recsys.registry.names import metric_name
from recsys.registry.store import FitRun, Registry
from recsys.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from recsys.compare.data import ComparedData
    from recsys.compare.results import Result

__all__ = ["ComparisonRuns"]

NOTE = """Comparisons of recipes outside the weeks (`recsys compare`): nothing here takes part in a
decision. A run `compare …` has the table's figures and its chart; the fits lie beneath it, one for
each recipe and seed."""


class ComparisonRuns(Registry):
    """Runs in an experiment of their own; `artifacts`: where its files lie if no server says."""

    def __init__(self, settings: Settings, artifacts: Path | None = None) -> None:
        super().__init__(settings)
        self.artifacts = artifacts

    @property
    def experiment_name(self) -> str:
        """Return the experiment's name."""
        return f"{self.settings.mlflow_experiment} compared"

    @cached_property
    def experiment_id(self) -> str:
        """Of the comparisons' experiment, created if need be."""
        return self._experiment(self.experiment_name, NOTE)

    def create_experiment(self, name: str, note: str) -> Experiment:
        if self.artifacts:
            with suppress(MlflowException):  # it is there, or what follows says why it is not
                self.client.create_experiment(name, self.artifacts.resolve().as_uri())
        return super().create_experiment(name, note)

    def begin(self, data: "ComparedData", recipes: Sequence[Recipe], seeds: range) -> str:
        """Return the id of a comparison's run: that of the same comparison made before, or new."""
        keys = ",".join(recipe.key for recipe in recipes)
        parts = (keys, str(seeds), data.fingerprint, code_version())
        key = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        before = self.first_run(f"tags.comparison = '{key}'")
        if before:
            return before.info.run_id
        tags = {"kind": "comparison", "comparison": key, "data": data.title}
        # no folder's name, which may have a quote in it, that the search for namesakes refuses
        run_id = self.create_run(f"compare {len(recipes)} with {recipes[0].key}", tags)
        params = {
            "recipes": " ".join(written(recipe) for recipe in recipes),
            "seeds": f"{seeds.start} to {seeds.stop - 1}",
            "data": data.title,
            "users": len(data.exam.users),
        }
        FitRun(self.client, run_id).log_params(params)
        return run_id

    @contextmanager
    def fit_run(self, parent: str, recipe: Recipe, seed: int, key: str) -> Iterator[FitRun]:
        """Open a fit's run until the block ends: FINISHED, or FAILED with what the block raises.

        A run of the same fit that is still open is of a process that was killed, and is closed as
        such.
        """
        self.close_killed(f"tags.result = '{key}'")
        tags = {
            "kind": "compared",
            "result": key,
            "recipe": recipe.key,
            "written": written(recipe),
            MLFLOW_PARENT_RUN_ID: parent,
        }
        run = FitRun(self.client, self.create_run(f"{recipe.key}, seed {seed}", tags))
        run.log_params({**dict(recipe.settings), "seed": seed})
        status = "FAILED"
        try:
            yield run
            status = "FINISHED"
        finally:
            self.client.set_terminated(run.run_id, status)

    def log_result(self, run: FitRun, result: "Result") -> None:
        """Log a result's figures, with the seconds of its fit."""
        values = {**result.metrics, "fit seconds": result.seconds}
        metrics = [Metric(metric_name(name), value, 0, 0) for name, value in values.items()]
        self.client.log_batch(run.run_id, metrics=metrics)

    def show(self, parent: str, result: "Result") -> None:
        """Have a result of before beneath this comparison too, once."""
        same = f"tags.result = '{result.key}' and attributes.status = 'FINISHED'"
        if self.first_run(f"{same} and tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"):
            return
        with self.fit_run(parent, result.recipe, result.seed, result.key) as run:
            run.tag("fitted", "in an earlier comparison")
            self.log_result(run, result)

    def end(self, parent: str, figures: dict[str, float], table: str, chart: "Figure") -> None:
        """Keep what a comparison found with its run, and end it."""
        metrics = [Metric(metric_name(name), value, 0, 0) for name, value in figures.items()]
        self.client.log_batch(parent, metrics=metrics)
        self.client.log_text(parent, table, "comparison.txt")
        self.client.log_figure(parent, chart, "comparison.png")
        self.end_run(parent)
