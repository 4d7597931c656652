"""A step as a task: called in this process, or elsewhere by the setting RECSYS_STEP_COMMAND."""

from collections.abc import Collection
from inspect import getdoc
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from recsys_airflow import RECSYS_DB
from recsys_airflow.conf import check_conf
from recsys_airflow.sentences import in_sentences
from recsys_airflow.step_process import StepProcess

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


class StepOperator(BaseOperator):
    """Call one step. Its execution timeout is also the limit of each of its SQL statements.

    The step's inputs are the template fields of the same names, as JSON. An error is reported in a
    sentence; one that no retry can help fails the task at once.
    """

    step: ClassVar[str]

    def __init__(self, *, conn_id: str = RECSYS_DB, **kwargs: Any) -> None:
        super().__init__(**{"doc_md": getdoc(type(self)), **kwargs})
        self.conn_id = conn_id
        self._process = StepProcess()

    def execute(self, context: "Context") -> Any:
        check_conf(context)
        with in_sentences():
            settings = self.settings()
            inputs = self.inputs(settings, context)
            if settings.step_command:
                result = self._process.call(settings, self.step, inputs)
            else:
                result = self.call(settings, inputs)
        # not None: Airflow does not keep one, and every task that reads it would log an error
        return "" if result is None else result

    def call(self, settings: "Settings", inputs: dict[str, Any]) -> Any:
        """Call the step in this process."""
        from recsys.step_call import call_step

        return call_step(settings, self.step, inputs)

    def on_kill(self) -> None:
        self._process.stop()

    def settings(self) -> "Settings":
        """Return the settings, with the task's time limit."""
        from recsys_airflow.hook import RecsysHook

        return RecsysHook(self.conn_id).settings(self.execution_timeout)

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        """Return what the step is called with, by the names of its parameters."""
        return {name: getattr(self, name) for name in self.template_fields}


class WeekOperator(StepOperator):
    """A step that takes the week, as resolve_week returned it."""

    template_fields: Collection[str] = ("week",)

    def __init__(self, *, week: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.week = week
