"""Measurements in MLflow: a run each, in an experiment of the bench's own."""

import logging
from typing import Any

from bench.quality.measurement import Measurement

EXPERIMENT = "bench-quality"


class Tracking:
    """Under a tracking URI. Raises MlflowException at once where the store cannot be reached, not
    after an hour of fits.
    """

    def __init__(self, uri: str) -> None:
        # a new store tells of each of its migrations
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=uri)
        found = self.client.get_experiment_by_name(EXPERIMENT)
        self.experiment_id = (
            found.experiment_id if found else self.client.create_experiment(EXPERIMENT)
        )

    def log(self, measurement: Measurement) -> None:
        """A finished run: the recipe's settings as parameters, the metrics, and what it was
        measured by as tags.
        """
        from mlflow.entities import Metric, Param

        recipe = measurement.recipe
        tags = {"protocol": measurement.protocol, "recipe": recipe["name"], "key": measurement.key}
        name = run_name_of(measurement)
        info = self.client.create_run(self.experiment_id, run_name=name, tags=tags).info
        params: dict[str, Any] = {**recipe["settings"], "seed": measurement.seed}
        values = {**measurement.metrics, "measurement seconds": measurement.seconds}
        self.client.log_batch(
            info.run_id,
            metrics=[Metric(_plain(key), values[key], info.start_time, 0) for key in values],
            params=[Param(key, str(value)) for key, value in params.items()],
        )
        self.client.set_terminated(info.run_id)


def run_name_of(measurement: Measurement) -> str:
    return f"{measurement.protocol} {measurement.label} seed {measurement.seed}"


def _plain(metric: str) -> str:
    """As MLflow takes names."""
    return metric.replace("@", "_at_").replace("× ", "times ").replace("'", "")
