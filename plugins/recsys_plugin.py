"""What Airflow's services find by its registered name; all else is imported by the DAG files."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from recsys_airflow.lateness import RunCreated


class RecsysPlugin(AirflowPlugin):
    """Without it, no run of a DAG with a deadline could be created."""

    name = "recsys"
    deadline_references: ClassVar[list[Any]] = [RunCreated]  # pyright: ignore[reportIncompatibleVariableOverride]
