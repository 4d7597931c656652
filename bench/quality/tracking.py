"""Measurements in MLflow: a run each, in an experiment of the bench's own."""

import logging
from typing import TYPE_CHECKING

from bench.quality.measurement import Measurement

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

EXPERIMENT = "bench-quality"


class Tracking:
    """Under a tracking URI. Raises MlflowException at once where the store cannot be reached, not
    after an hour of fits.
    """

    def __init__(self, uri: str) -> None:
        # a new store logs each of its migrations
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=uri)
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        self.experiment_id = (
            experiment.experiment_id if experiment else self.client.create_experiment(EXPERIMENT)
        )

    def log(self, measurement: Measurement) -> None:
        """Log a finished run: the recipe's settings as parameters, the metrics, and what it was
        measured by as tags.
        """
        run = self.client.create_run(
            self.experiment_id, run_name=run_name_of(measurement), tags=tags_of(measurement)
        )
        metrics = metrics_of(measurement, run.info.start_time)
        self.client.log_batch(run.info.run_id, metrics=metrics, params=params_of(measurement))
        self.client.set_terminated(run.info.run_id)


def run_name_of(measurement: Measurement) -> str:
    return f"{measurement.protocol} {measurement.label} seed {measurement.seed}"


def tags_of(measurement: Measurement) -> dict[str, str]:
    return {
        "protocol": measurement.protocol,
        "recipe": measurement.recipe["name"],
        "key": measurement.key,
    }


def metrics_of(measurement: Measurement, time: int) -> "list[Metric]":
    from mlflow.entities import Metric

    values = {**measurement.metrics, "measurement seconds": measurement.seconds}
    return [Metric(mlflow_name(metric), values[metric], time, 0) for metric in values]


def params_of(measurement: Measurement) -> "list[Param]":
    from mlflow.entities import Param

    params = {**measurement.recipe["settings"], "seed": measurement.seed}
    return [Param(name, str(value)) for name, value in params.items()]


def mlflow_name(metric: str) -> str:
    """Return the metric's name in characters that MLflow takes."""
    return metric.replace("@", "_at_").replace("× ", "times ").replace("'", "")
