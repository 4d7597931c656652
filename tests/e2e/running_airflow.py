"""A running Airflow for tests: four services, PostgreSQL, MLflow, and what a person does there, by
the REST API.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.db.connect import connect
from recsys.drops.replay import replay
from recsys.drops.zone import LandingZone
from stack.airflow_api import AirflowApi
from stack.datasets.movielens import generate_movielens
from stack.errors import StackError
from stack.home import Home
from stack.present_week import switch_on
from stack.services import Stack
from tests import airflow_home  # noqa: F401 - chooses Airflow's home
from tests.postbox import mail_connection, post_office

WEEKLY = "weekly_recommendations"
PATIENCE = 600.0  # seconds that a run may take to its question, and from its answer to its end


class Api(AirflowApi):
    """What a person does in Airflow's UI."""

    def trigger(self, dag_id: str, **conf: Any) -> str:
        return self._call(
            "POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}
        )["dag_run_id"]

    def state(self, run_id: str, dag_id: str = WEEKLY) -> str:
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]

    def runs_of(self, dag_id: str) -> list[dict[str, Any]]:
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]

    def details(self, dag_id: str) -> dict[str, Any]:
        return self._call("GET", f"/api/v2/dags/{dag_id}/details")

    def open_questions(self, run_id: str) -> list[dict[str, Any]]:
        """What the run has under Required Actions."""
        path = f"/api/v2/dags/{WEEKLY}/dagRuns/{run_id}/hitlDetails"
        return self._call(
            "GET", path, params={"response_received": False, "state": "awaiting_input"}
        )["hitl_details"]

    def answer(self, run_id: str, option: str) -> None:
        path = f"/api/v2/dags/{WEEKLY}/dagRuns/{run_id}/taskInstances/ask_approval/-1/hitlDetails"
        self._call("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def clear_failed(self, run_id: str) -> list[str]:
        """Clear the tasks of the run that failed, or did not run because of it; returns their
        ids.
        """
        return self._clear({"dag_run_id": run_id, "only_failed": True})

    def clear_from(self, run_id: str, task_id: str) -> list[str]:
        """Clear the task and all that follow it; returns their ids."""
        return self._clear(
            {
                "dag_run_id": run_id,
                "task_ids": [task_id],
                "include_downstream": True,
                "only_failed": False,
            }
        )

    def _clear(self, which: dict[str, Any]) -> list[str]:
        body = which | {"dry_run": False}
        cleared = self._call("POST", f"/api/v2/dags/{WEEKLY}/clearTaskInstances", json=body)
        return [instance["task_id"] for instance in cleared["task_instances"]]

    def form(self, dag_id: str) -> dict[str, Any]:
        return self.details(dag_id)["params"]


@dataclass(frozen=True)
class Installation:
    """A stack that runs. `weeks` are the dates of its drops; `mail` is what the notifier sent."""

    stack: Stack
    api: Api
    weeks: list[date]
    mail: list[EmailMessage]

    @property
    def week(self) -> date:
        """The first week."""
        return self.weeks[0]

    def ask(self, query: str, *params: Any) -> Any:
        """The first row of the answer of the project's database."""
        with connect(self.stack.settings()) as conn:
            return conn.execute(query.encode(), params).fetchone()

    def meddle(self, statement: str, *params: Any) -> int:
        """Change Airflow's own database, to pass time quickly; returns the number of rows."""
        with psycopg.connect(self.stack.postgres.url("airflow", "airflow")) as conn:
            return conn.execute(statement.encode(), params).rowcount

    def miss_deadline(self, run_id: str) -> int:
        """Put the run's deadline into the past; returns how many it has that were not missed
        before.
        """
        passed = """
            UPDATE deadline SET deadline_time = now() - interval '1 min' FROM dag_run r
            WHERE r.id = dagrun_id AND run_id = %s AND NOT missed
        """
        return self.meddle(passed, run_id)

    def mail_about(self, what: str, run_id: str = "") -> list[str]:
        """The texts of the mails with this subject that name the run."""
        texts = [mail.get_body().get_content() for mail in self.mail if what in mail["Subject"]]
        return [text for text in texts if run_id in text]

    def airflow(self, *arguments: str) -> str:
        """What the command line of the stack's Airflow prints."""
        command = [str(self.stack.home.airflow_command), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run_until_asked(self, **conf: Any) -> tuple[str, dict[str, Any]]:
        """A run of the week that needs approval, and its question."""
        run_id = self.api.trigger(
            WEEKLY,
            as_of=str(self.week),
            recipes=["popularity", "als"],
            require_approval=True,
            **conf,
        )
        question = until(lambda: self.question_of(run_id))[0]
        until(lambda: self.is_parked(run_id))
        return run_id, question

    def question_of(self, run_id: str) -> list[dict[str, Any]]:
        self.raise_if_failed(run_id)
        return self.api.open_questions(run_id)

    def is_parked(self, run_id: str) -> bool:
        """Whether the scheduler has seen the asking process end.

        Airflow 3.3 loses an answer, or the end of the time for one, that comes before: it takes the
        task that goes on for the process that ended, tries again, and the retry asks anew
        (apache/airflow#67287). On a busy machine that takes seconds.
        """
        ended = f"TaskInstance Finished: dag_id={WEEKLY}, task_id=ask_approval, run_id={run_id},"
        return ended in self.stack.home.log("scheduler").read_text(errors="replace")

    def raise_if_failed(self, run_id: str) -> str:
        """The run's state. Raises StackError with the end of the log of the task that failed."""
        state = self.api.state(run_id)
        if state == "failed":
            tasks = self.api.task_instances(WEEKLY, run_id)
            failed = next(task for task in tasks if task["state"] == "failed")
            raise StackError(f"{failed['task_id']} failed:\n{self.api.log(failed)[-4000:]}")
        return state

    def wait_for_failure(self, run_id: str, task_id: str) -> None:
        """Raises AssertionError where the run succeeds, or another task fails."""
        assert (
            until(lambda: (state := self.api.state(run_id)) in ("success", "failed") and state)
            == "failed"
        )
        failed = [
            task["task_id"]
            for task in self.api.task_instances(WEEKLY, run_id)
            if task["state"] == "failed"
        ]
        assert failed == [task_id], failed

    def drop(self, week: date) -> Path:
        """The folder of the week's MovieLens drop."""
        return Path(self.stack.home.drops) / "movielens" / str(week)

    def wait_for_success(self, *run_ids: str) -> None:
        """Raises StackError with the end of a log where a run fails."""
        for run_id in run_ids:
            until(lambda run_id=run_id: self.raise_if_failed(run_id) == "success")


def until(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `look` gives once it gives something."""
    give_up = time.monotonic() + patience
    while not (result := look()):
        assert time.monotonic() < give_up, f"not seen within {patience:.0f} seconds"
        time.sleep(0.5)
    return result


@contextmanager
def running_installation(folder: Path) -> Iterator[Installation]:
    """All that `make demo` starts, in a folder of its own, with the drops of two weeks; mail goes
    to the test.
    """
    generate_movielens(folder / "movielens", users=120, movies=120, ratings=6_000, seed=7)
    with pytest.MonkeyPatch.context() as environment, post_office() as (port, mail):
        for name, value in of_the_services(port).items():
            environment.setenv(name, value)
        stack = Stack(Home(folder / "home"))
        try:
            weeks = replay(folder / "movielens", str(stack.home.drops), weeks=1)
            stack.up(lambda _: None)
            api = Api(stack.home)
            until(
                lambda: all(
                    api.has_dag(dag_id)
                    for dag_id in (WEEKLY, "rollback_publication", "tune_recipes")
                )
            )
            assert switch_on(api, WEEKLY, LandingZone(str(stack.home.drops)))
            yield Installation(stack, api, weeks, mail)
        finally:
            stack.remove()


def of_the_services(mail_port: int) -> dict[str, str]:
    return {
        "RECSYS_TITLE_MODEL": "/nonexistent/title-model",
        "RECSYS_THREADS": "1",
        "RECSYS_NOTIFIER": "mail",
        "RECSYS_NOTIFY_TO": "ada@recsys.example",
        "AIRFLOW_CONN_SMTP_DEFAULT": mail_connection(mail_port),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",  # of what its scheduler has seen
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
    }


@contextmanager
def not_arrived(drop: Path) -> Iterator[None]:
    """A drop that is still being copied; complete at the end."""
    (drop / "_SUCCESS").unlink()
    try:
        yield
    finally:
        (drop / "_SUCCESS").touch()


@contextmanager
def spoilt(drop: Path) -> Iterator[None]:
    """A drop whose ratings.csv lacks a column; in order again at the end."""
    ratings, sums = drop / "ratings.csv", drop / "SHA256SUMS"
    whole = {path: path.read_bytes() for path in (ratings, sums)}
    sums.unlink()
    header, _, rest = whole[ratings].partition(b"\n")
    ratings.write_bytes(header.replace(b"rating", b"stars") + b"\n" + rest)
    try:
        yield
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
