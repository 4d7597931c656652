"""A new champion waits for a person, in a real Airflow: four services, PostgreSQL, MLflow, and the answer by the REST API."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from typing import Any

import psycopg
import pytest

from bench.generate import generate_movielens
from recsys.db.connect import connect
from recsys.drops.replay import replay
from stack.airflow_api import AirflowApi
from stack.errors import StackError
from stack.home import Home
from stack.services import Stack
from tests import airflow_home  # noqa: F401 - chooses Airflow's home
from tests.postbox import mail_connection, post_office

WEEKLY = "weekly_recommendations"
PATIENCE = 600.0  # seconds that a run may take to its question, and from its answer to its end


class Api(AirflowApi):
    """What a person does in Airflow's UI."""

    def trigger(self, dag_id: str, **conf: Any) -> str:
        return self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})["dag_run_id"]

    def state(self, run_id: str) -> str:
        return self._call("GET", f"/api/v2/dags/{WEEKLY}/dagRuns/{run_id}")["state"]

    def open_questions(self, run_id: str) -> list[dict[str, Any]]:
        """What the run has under Required Actions."""
        path = f"/api/v2/dags/{WEEKLY}/dagRuns/{run_id}/hitlDetails"
        return self._call("GET", path, params={"response_received": False, "state": "awaiting_input"})["hitl_details"]

    def answer(self, run_id: str, option: str) -> None:
        path = f"/api/v2/dags/{WEEKLY}/dagRuns/{run_id}/taskInstances/ask_approval/-1/hitlDetails"
        self._call("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def form(self, dag_id: str) -> dict[str, Any]:
        return self._call("GET", f"/api/v2/dags/{dag_id}/details")["params"]


@dataclass(frozen=True)
class Installation:
    stack: Stack
    api: Api
    week: date
    mail: list[EmailMessage]

    def ask(self, query: str, *params: Any) -> Any:
        """The first row of the answer of the project's database."""
        with connect(self.stack.settings()) as conn:
            return conn.execute(query.encode(), params).fetchone()

    def meddle(self, statement: str, *params: Any) -> int:
        """Change Airflow's own database, to pass time quickly; returns the number of rows."""
        with psycopg.connect(self.stack.postgres.url("airflow", "airflow")) as conn:
            return conn.execute(statement.encode(), params).rowcount

    def mail_about(self, what: str) -> list[str]:
        return [mail.get_body().get_content() for mail in self.mail if what in mail["Subject"]]

    def run_until_asked(self, **conf: Any) -> tuple[str, dict[str, Any]]:
        """A run of the week that needs approval, and its question."""
        run_id = self.api.trigger(WEEKLY, as_of=str(self.week), recipes=["popularity", "als"], require_approval=True, **conf)
        question = until(lambda: self.question_of(run_id))[0]
        until(lambda: self.is_parked(run_id))
        return run_id, question

    def question_of(self, run_id: str) -> list[dict[str, Any]]:
        self.raise_if_failed(run_id)
        return self.api.open_questions(run_id)

    def is_parked(self, run_id: str) -> bool:
        """Whether the scheduler has seen the asking process end.

        Airflow 3.3 loses an answer, or the end of the time for one, that comes before: it takes the task that goes on for the
        process that ended, tries again, and the retry asks anew (apache/airflow#67287). On a busy machine that takes seconds.
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


def until(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `look` gives once it gives something."""
    give_up = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < give_up, f"not seen within {patience:.0f} seconds"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """All that `make demo` starts, in a folder of its own, with the drops of one week; mail goes to the test."""
    folder = tmp_path_factory.mktemp("stack")
    generate_movielens(folder / "movielens", users=120, movies=120, ratings=6_000, seed=7)
    with pytest.MonkeyPatch.context() as environment, post_office() as (port, mail):
        for name, value in of_the_services(port).items():
            environment.setenv(name, value)
        stack = Stack(Home(folder / "home"))
        try:
            weeks = replay(folder / "movielens", str(stack.home.drops), weeks=1)
            stack.up(lambda _: None)
            api = Api(stack.home)
            until(lambda: api.has_dag(WEEKLY) and api.has_dag("rollback_publication"))
            api.unpause(WEEKLY)
            yield Installation(stack, api, weeks[0], mail)
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


def test_a_champion_is_approved_by_the_rest_api(installation: Installation) -> None:
    run_id, question = installation.run_until_asked()
    assert question["subject"].startswith(f"Week {installation.week}: first, als-")
    assert "| NDCG@10 " in question["body"] and "| beats popularity " in question["body"]
    assert (question["options"], question["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert not installation.ask("SELECT * FROM promotions WHERE run_id = %s", run_id), "nothing is decided before the answer"
    (told,) = installation.mail_about("first, als-")
    assert f"/runs/{run_id}/tasks/ask_approval/required_actions" in told.replace("%3A", ":").replace("%2B", "+")

    installation.api.answer(run_id, "Approve")
    until(lambda: installation.raise_if_failed(run_id) == "success")
    champion = "SELECT decision, recipe_key, approval, approved_by FROM promotions WHERE run_id = %s"
    first, recipe_key, *say = installation.ask(champion, run_id)
    assert (first, recipe_key.split("-")[0], say) == ("first", "als", ["approved", "admin"])
    live = installation.ask("SELECT publication_id, as_of FROM publications WHERE is_live AND run_id = %s", run_id)
    assert live.as_of == installation.week

    form = until(lambda: offers(installation.api.form("rollback_publication"), live.publication_id), patience=60)
    assert f"week {installation.week}, als-" in form["values_display"][str(live.publication_id)]
    with pytest.raises(StackError, match=r"400.*reason"):
        installation.api.trigger("rollback_publication", publication_id=live.publication_id)
    queued = installation.api.trigger("rollback_publication", publication_id=live.publication_id, reason="to see its deadline")
    assert installation.meddle("DELETE FROM deadline d USING dag_run r WHERE r.id = d.dagrun_id AND r.run_id = %s", queued) == 1


def offers(form: dict[str, Any], publication_id: int) -> dict[str, Any] | None:
    """The schema of the form's dropdown once it has the publication."""
    schema = form["publication_id"]["schema"]
    return schema if publication_id in schema.get("enum", ()) else None


def test_without_an_answer_in_time_no_champion_is_crowned_and_the_week_goes_on(installation: Installation) -> None:
    run_id, _ = installation.run_until_asked(force_decision=True)
    passed = "UPDATE deadline SET deadline_time = now() - interval '1 min' FROM dag_run r WHERE r.id = dagrun_id AND run_id = %s"
    assert installation.meddle(passed, run_id) == 1
    (late,) = until(lambda: installation.mail_about("a run is late"))
    assert f"Run {run_id} is running and should have been done by" in late

    expired = (
        "UPDATE task_instance SET trigger_timeout = now() - interval '1 minute' WHERE run_id = %s AND task_id = 'ask_approval'"
    )
    assert installation.meddle(expired, run_id) == 1
    until(lambda: installation.raise_if_failed(run_id) == "success")
    champion = "SELECT decision, recipe_key, approval, approved_by FROM promotions WHERE run_id = %s"
    decision, recipe_key, *say = installation.ask(champion, run_id)
    assert (decision, recipe_key.split("-")[0], say) == ("popularity", "popularity", ["timed out", None])
