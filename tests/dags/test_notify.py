"""The notifier: what it says, to whom, what it keeps to itself, and that it hides nothing."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from recsys.errors import DropError
from recsys.settings import Settings
from tests import airflow_home  # noqa: F401 - chooses Airflow's home
from tests.postbox import mail_connection, post_office, slack, slack_connection

ERROR = DropError(
    "movielens drop of 2026-08-17: ratings.csv line 48,211: rating '55' is not <between> 0.5 and 5"
)


def failed(error: Any = ERROR, map_index: int = -1) -> Any:
    task = SimpleNamespace(
        dag_id="weekly_recommendations",
        task_id="ingest_drops",
        run_id="manual__7",
        try_number=4,
        map_index=map_index,
        log_url="http://localhost:8080/dags/weekly_recommendations/runs/manual__7/tasks/ingest_drops",
    )
    return {"ti": task, "exception": error}


def test_a_failure_is_logged_with_everything_that_leads_to_it(logged) -> None:
    from recsys_airflow.notify import on_failure

    on_failure(failed())
    on_failure(failed("killed: out of memory", map_index=2))
    on_failure(failed(None))
    first, second, third = [record.getMessage() for record in logged.records]
    assert first.startswith("weekly_recommendations: ingest_drops failed\n")
    assert (
        "Task ingest_drops of run manual__7 failed, try 4." in first
        and f"DropError: {ERROR}" in first
    )
    assert "/runs/manual__7/tasks/ingest_drops" in first
    assert "Task ingest_drops [2] of" in second and "killed: out of memory" in second
    assert "it left no error behind" in third


def test_the_reason_of_a_failure_comes_first(logged) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from recsys_airflow.notify import on_failure

    on_failure(failed(AirflowFailException(str(ERROR))))
    on_failure(failed(OSError("disk full")))
    sentence, other = [record.getMessage().splitlines() for record in logged.records]
    assert sentence[1] == str(ERROR), "a sentence of ours needs no class before it"
    assert other[1] == "OSError: disk full"
    assert [lines[2].split(" of ")[0] for lines in (sentence, other)] == [
        "Task ingest_drops",
        "Task ingest_drops",
    ]


def test_slack_hears_of_a_failure(monkeypatch: pytest.MonkeyPatch, logged) -> None:
    from recsys_airflow.notify import on_failure

    with slack() as (port, posted):
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", slack_connection(port, "xoxb-of-the-test"))
        monkeypatch.setenv("RECSYS_NOTIFIER", "slack")
        monkeypatch.setenv("RECSYS_NOTIFY_TO", "#recommendations")
        on_failure(failed())
    (message,) = posted
    assert (message["path"], message["token"]) == (
        "/api/chat.postMessage",
        "Bearer xoxb-of-the-test",
    )
    assert message["channel"] == "#recommendations"
    assert message["text"].startswith("*weekly_recommendations: ingest_drops failed*\n")
    assert "rating '55' is not &lt;between&gt; 0.5 and 5" in message["text"], (
        "Slack takes what is written in <> for a link or a mention"
    )
    assert len(logged.records) == 1, "the log hears of it too"


def test_mail_tells_of_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys_airflow.notify import on_failure

    with post_office() as (port, mail):
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(port))
        monkeypatch.setenv("RECSYS_NOTIFIER", "mail")
        monkeypatch.setenv("RECSYS_NOTIFY_TO", "ada@recsys.example, grace@recsys.example")
        on_failure(failed())
    (message,) = mail
    assert message["To"] == "ada@recsys.example, grace@recsys.example"
    assert message["Subject"] == "weekly_recommendations: ingest_drops failed"
    text = message.get_body().get_content()
    assert (
        "Task ingest_drops of run manual__7 failed" in text
        and "is not &lt;between&gt; 0.5 and 5" in text
    )


def test_a_channel_that_does_not_answer_hides_nothing(
    monkeypatch: pytest.MonkeyPatch, logged
) -> None:
    from recsys_airflow.notify import on_failure

    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(1))
    monkeypatch.setenv("RECSYS_NOTIFIER", "mail")
    monkeypatch.setenv("RECSYS_NOTIFY_TO", "ada@recsys.example")
    on_failure(failed())
    message, unsent = [record.getMessage() for record in logged.records]
    assert f"DropError: {ERROR}" in message
    assert (
        "weekly_recommendations: ingest_drops failed: the message above could not be sent" in unsent
    )


def test_settings_that_do_not_hold_hide_nothing(monkeypatch: pytest.MonkeyPatch, logged) -> None:
    from recsys_airflow.notify import on_failure

    monkeypatch.setenv("RECSYS_TOP_N", "many")
    on_failure(failed())
    assert f"DropError: {ERROR}" in logged.records[0].getMessage()


def test_secrets_stay_secret(monkeypatch: pytest.MonkeyPatch, logged) -> None:
    from airflow.sdk._shared.secrets_masker import mask_secret

    from recsys_airflow.notify import on_failure

    mask_secret("a-known-secret")
    url = "postgresql://pipeline:p%40ss-of-a-url@db.example:5433/recsys"
    on_failure(failed(OSError(f"no route to {url} with token a-known-secret")))
    assert "a-known-secret" not in logged.text and "ss-of-a-url" not in logged.text
    assert (
        "OSError: no route to postgresql://pipeline:***@db.example:5433/recsys with token ***"
        in logged.text
    )


def test_a_late_run_is_reported(logged) -> None:
    from recsys_airflow.notify import on_lateness

    run = {"dag_id": "rollback_publication", "dag_run_id": "manual__9", "state": "running"}
    on_lateness(
        context={
            "dag_run": run,
            "deadline": {"id": "1", "deadline_time": "2026-11-16 00:10:00+00:00"},
        }
    )
    assert "rollback_publication: a run is late" in logged.text
    assert (
        "Run manual__9 is running and should have been done by 2026-11-16 00:10:00+00:00."
        in logged.text
    )


def test_deadlines_leave_room_for_what_may_be_waited_for(weekly, rollback) -> None:
    for dag, span in ((weekly, timedelta(days=7)), (rollback, timedelta(minutes=10))):
        (alert,) = dag.deadline
        assert alert.interval == span
        assert alert.callback.path == ("recsys_airflow.notify.on_lateness"), (
            "Airflow imports it by this name"
        )
    waits = [weekly.get_task(f"wait_for_{source}").timeout for source in ("movielens", "imdb")]
    assert timedelta(days=7) >= timedelta(seconds=max(waits)) + timedelta(days=1), (
        "a run that waits for its drop is not late"
    )


def test_a_deadline_counts_from_the_runs_creation_and_lets_it_be_cleared(
    dagbag,
) -> None:
    from airflow.models.deadline import ReferenceModels
    from airflow.serialization.decoders import decode_deadline_alert
    from airflow.serialization.encoders import encode_deadline_alert

    watched = [dag for dag in dagbag.dags.values() if dag.deadline]
    assert {"weekly_recommendations", "rollback_publication", "retire_week"} <= {
        dag.dag_id for dag in watched
    }
    for dag in watched:
        (alert,) = dag.deadline
        stored = encode_deadline_alert(alert)
        name = stored["reference"]["reference_type"]
        assert name != ReferenceModels.DagRunQueuedAtDeadline.__name__, (
            f"{dag.dag_id}: see apache/airflow#70368; use late_after"
        )
        created = datetime.now(UTC)
        # as the scheduler does; it finds the class by the plugin
        read: Any = decode_deadline_alert(stored)
        due = read.reference.evaluate_with(
            session=None, interval=read.interval, dag_id=dag.dag_id, run_id="manual__1"
        )
        assert timedelta(0) <= due - created - alert.interval < timedelta(minutes=1)


@pytest.mark.parametrize("notifier", ["slack", "mail"])
def test_a_notifier_that_tells_nobody_is_refused(
    monkeypatch: pytest.MonkeyPatch, notifier: str
) -> None:
    monkeypatch.setenv("RECSYS_NOTIFIER", notifier)
    with pytest.raises(
        ValidationError,
        match=f"notifier is {notifier}, and nobody gets its messages: expected RECSYS_NOTIFY_TO",
    ):
        Settings(database_url=SecretStr(""))
    monkeypatch.setenv("RECSYS_NOTIFY_TO", "#recommendations")
    assert Settings(database_url=SecretStr("")).notify_to == "#recommendations"
