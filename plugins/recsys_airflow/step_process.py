"""A step called in another interpreter, as the setting RECSYS_STEP_COMMAND says."""

import json
import logging
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from recsys.settings import Settings

#: Seconds that a step has to end by itself before it is killed.
GRACE = 10

log = logging.getLogger(__name__)


class StepProcess:
    """One call of a step; `stop` ends it with all processes that it started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def call(self, settings: "Settings", name: str, inputs: Mapping[str, Any]) -> Any:
        """Run the step and log what it prints, line by line; return its result.

        Raises AirflowException with the step's sentence; AirflowFailException where no retry helps.
        """
        from recsys.step_process import GIVE_UP

        with tempfile.TemporaryFile("w+") as results:
            try:
                status = self._run(settings, name, inputs, results)
            finally:
                self.stop()  # also where the task's time is up
            results.seek(0)
            text = results.read()
        outcome = json.loads(text) if text else {}
        if status == 0 and "result" in outcome:
            return outcome["result"]
        sentence = outcome.get(
            "error", f"step {name} ended with status {status}: see its log above"
        )
        raise (AirflowFailException if status == GIVE_UP else AirflowException)(sentence)

    def stop(self) -> None:
        """End the process group: politely, and after a while by force."""
        process = self._process
        if process is None:
            return
        for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
            try:
                os.killpg(process.pid, number)
                process.wait(patience)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        process.wait()
        self._process = None

    def _run(
        self, settings: "Settings", name: str, inputs: Mapping[str, Any], results: IO[str]
    ) -> int:
        self._process = process = start(settings, name, results.fileno())
        if process.stdin:
            with process.stdin as stdin:
                json.dump(inputs, stdin)
        if process.stdout:
            with process.stdout as lines:
                for line in lines:
                    log.info("%s", line.rstrip("\n"))
        return process.wait()


def start(settings: "Settings", name: str, result_fd: int) -> "subprocess.Popen[str]":
    """Start a step by the setting's command, with pipes to it and a file for its result."""
    words = shlex.split(settings.step_command)
    return subprocess.Popen(  # noqa: S603 - the setting of an installation
        [*words, "step", name, "--result-fd", str(result_fd)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment_of(settings),
        pass_fds=[result_fd],
        start_new_session=True,
    )


def environment_of(settings: "Settings") -> dict[str, str]:
    """Return the task's environment, with the database of the Airflow connection."""
    environment = dict(os.environ)
    environment["RECSYS_DATABASE_URL"] = settings.database_url.get_secret_value()
    environment.pop("RECSYS_STEP_COMMAND", None)
    if settings.statement_timeout:
        seconds = settings.statement_timeout.total_seconds()
        environment["RECSYS_STATEMENT_TIMEOUT"] = f"PT{seconds:.0f}S"
    return environment
