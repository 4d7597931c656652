"""The MLflow server and its experiment: what fits, versions, weeks and studies are kept in."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property

import mlflow
from mlflow.entities import Experiment, Metric, Run
from mlflow.exceptions import MlflowException

from recsys.errors import LedgerError
from recsys.registry.names import metric_name
from recsys.registry.termination import PROCESS, is_dead, this_process
from recsys.settings import Settings

__all__ = ["MLFLOW_NOTE", "Tracking", "metrics_of_week", "unless"]

#: The tag that MLflow shows as a description.
MLFLOW_NOTE = "mlflow.note.content"

log = logging.getLogger(__name__)


EXPERIMENT_NOTE = """Every fit, evaluation and report of the weekly recommender.

A run `week …` holds what the week reports (exam.md, report.md, weeks.html); its fits lie beneath
it, named by recipe, week and kind:

- `exam`: fitted up to the exam's cut and evaluated on it: its metrics are the exam's figures, on
  all users and on each slice.
- `refit`: fitted on all that the week may see; its versions are registered, the champion's among
  them.
- `validation`: a member of a blend, fitted to learn the blend's weights.

A run `study …` is a search for hyperparameters, with its trials beneath it. To compare recipes:
`tags.kind = 'exam'`, sorted by NDCG_at_10. How each recipe's figures went from week to week: the
experiment of this name and `over the weeks`."""
CHARTS_NOTE = """How each recipe did in the exams, week by week: one run a recipe, for the charts
page. A metric's step counts the weeks since 1970, its time is the week's as_of. The fits are in
the experiment of this name without `over the weeks`."""


class Tracking:
    """MLflow under the names of the settings. Its tracking URI becomes this process's."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        uri = settings.mlflow_tracking_uri
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        self.client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    @property
    def uri(self) -> str:
        """The server's address, for messages."""
        return self.settings.mlflow_tracking_uri

    @cached_property
    def experiment_id(self) -> str:
        """Of the settings' experiment, created if need be: see `_experiment`."""
        return self._experiment(self.settings.mlflow_experiment, EXPERIMENT_NOTE)

    @cached_property
    def charts_id(self) -> str:
        """Of the experiment whose charts page shows the weeks by recipe: nothing else is in it, as
        a page shows few runs.
        """
        return self._experiment(f"{self.settings.mlflow_experiment} over the weeks", CHARTS_NOTE)

    def _experiment(self, name: str, note: str) -> str:
        """Return the id of an experiment, created if need be; two processes may try at once.

        MLflow keeps the name of a deleted experiment, so that no other can have it: that one is
        restored, with a warning. Raises LedgerError where it cannot be.
        """
        experiment = self.client.get_experiment_by_name(name) or self.create_experiment(name, note)
        if experiment.lifecycle_stage != "active":
            self.restore_experiment(experiment)
        # made by an earlier release; a person's own words stay
        if MLFLOW_NOTE not in experiment.tags:
            self.client.set_experiment_tag(experiment.experiment_id, MLFLOW_NOTE, note)
        return experiment.experiment_id

    def create_experiment(self, name: str, note: str) -> Experiment:
        """Return a new experiment, or the one that another process has just made."""
        with unless("RESOURCE_ALREADY_EXISTS"):
            self.client.create_experiment(name, tags={MLFLOW_NOTE: note})
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            raise LedgerError(
                f"MLflow at {self.uri} has no experiment {name!r} though it could "
                "not be created either"
            )
        return experiment

    def restore_experiment(self, experiment: Experiment) -> None:
        """Restore a deleted experiment. Raises LedgerError where MLflow cannot."""
        fact = (
            f"MLflow's experiment {experiment.name!r} (id {experiment.experiment_id}) was deleted"
        )
        try:
            self.client.restore_experiment(experiment.experiment_id)
        except MlflowException as error:
            raise LedgerError(
                f"{fact} and could not be restored: {error.message}; restore it with `mlflow "
                "experiments restore "
                f"--experiment-id {experiment.experiment_id}`, or name another in "
                f"RECSYS_MLFLOW_EXPERIMENT (at {self.uri})"
            ) from error
        log.warning(
            "%s: it is restored, as MLflow lets no other have its name (at %s)", fact, self.uri
        )

    def first_run(
        self, condition: str, order: Sequence[str] = ("attributes.start_time ASC",)
    ) -> Run | None:
        """Return the experiment's first run of a kind, None without one."""
        return next(self.runs(condition, order, at_most=1), None)

    def runs(
        self,
        condition: str,
        order: Sequence[str] = ("attributes.start_time ASC",),
        *,
        at_most: int = 100,
    ) -> Iterator[Run]:
        """Yield the experiment's runs of a kind, those that were deleted left out."""
        yield from self.client.search_runs(
            [self.experiment_id], condition, max_results=at_most, order_by=list(order)
        )

    def create_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Return the id of a new run. A name that another has gets a number, so that no two are of
        one name.
        """
        alike = self.runs(f"attributes.run_name LIKE '{name}%'", at_most=1000)
        unique = _unique(name, {run.info.run_name for run in alike})
        run = self.client.create_run(self.experiment_id, run_name=unique, tags=dict(tags))
        return run.info.run_id

    def end_run(self, run_id: str) -> None:
        """End a run that is still open, as FINISHED."""
        if self.client.get_run(run_id).info.status == "RUNNING":
            self.client.set_terminated(run_id)

    def close_killed(self, condition: str) -> None:
        """Close the open runs of a kind: those of processes that were killed."""
        for killed in self.runs(f"{condition} and attributes.status = 'RUNNING'"):
            self.client.set_terminated(killed.info.run_id, "FAILED")

    def close_dead(self) -> None:
        """Close the open runs of processes of this host that have ended."""
        here = this_process().partition(" ")[0]
        for run in self.runs(f"tags.{PROCESS} LIKE '{here} %' and attributes.status = 'RUNNING'"):
            if is_dead(run.data.tags[PROCESS]):
                self.client.set_terminated(run.info.run_id, "FAILED")


def _unique(name: str, others: Collection[str | None]) -> str:
    number, unique = 1, name
    while unique in others:
        number += 1
        unique = f"{name} ({number})"
    return unique


def metrics_of_week(values: Mapping[str, float], as_of: date) -> list[Metric]:
    """Return metrics of a week, dated by it: logged again, they are the same. Their step counts the
    weeks since 1970.

    `@` in a metric's name, which MLflow refuses, becomes `_at_`.
    """
    moment = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    step = (as_of - date(1970, 1, 1)).days // 7
    millis = int(moment.timestamp() * 1000)
    return [Metric(metric_name(name), value, millis, step) for name, value in values.items()]


@contextmanager
def unless(*codes: str) -> Iterator[None]:
    """Let MLflow's errors of these codes pass."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in codes:
            raise
