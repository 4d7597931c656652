"""What Airflow's services find by its registered name; all else is imported by the DAG files."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from recsys_airflow.lateness import RunCreated
from recsys_airflow.pages import EXTERNAL_VIEW, FASTAPI_APP


class RecsysPlugin(AirflowPlugin):
    """Without its deadline, no run of a DAG that has one could be created. Its pages are in the
    navigation.
    """

    name = "recsys"
    deadline_references: ClassVar[list[Any]] = [RunCreated]  # pyright: ignore[reportIncompatibleVariableOverride]
    fastapi_apps: ClassVar[list[Any]] = [FASTAPI_APP]  # pyright: ignore[reportIncompatibleVariableOverride]
    external_views: ClassVar[list[Any]] = [EXTERNAL_VIEW]  # pyright: ignore[reportIncompatibleVariableOverride]
