"""The hook and the checks of the facts, on a real database."""

from datetime import date, timedelta

import psycopg
import pytest

from recsys.db.connect import Connection
from recsys.db.queries import checks
from recsys.request import Run
from recsys.week import WeekPlan, WeekRun
from tests import airflow_home  # noqa: F401 - chooses Airflow's home

NAMES = [path.stem for path in checks()]


@pytest.fixture
def connected(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's connection is to the test's database."""
    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", database_url)


def check(name: str, **limits: timedelta) -> None:
    from recsys_airflow.operators import CheckFacts

    plan = WeekPlan(date(2018, 9, 24), 1, (), 10, 1, 4.0, 1_000, 5, 180.0)
    week = WeekRun(plan, Run()).to_json()
    CheckFacts(task_id=f"check_{name}", week=week, check=name, **limits).execute({})


@pytest.mark.parametrize("name", NAMES)
def test_facts_that_are_in_order_pass(connected: None, name: str) -> None:
    check(name, execution_timeout=timedelta(minutes=1))


def test_facts_that_are_not_fail_at_once_and_name_the_check(
    connected: None, conn: Connection
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    conn.execute(
        "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for)"
        " VALUES ('movielens', '2020-01-06', 1, '', '[]', '2020-01-06')"
    )
    conn.execute("INSERT INTO ratings SELECT 1, 2, now(), drop_id, 4 FROM drops")
    with pytest.raises(
        AirflowFailException,
        match="the facts fail the check ratings_have_movies",
    ):
        check("ratings_have_movies")


def test_a_check_takes_no_longer_than_its_task(
    connected: None, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowException

    monkeypatch.setattr(
        "recsys.steps.facts.sql_file", lambda _: "SELECT true AS ok FROM pg_sleep(5)"
    )
    with pytest.raises(AirflowException, match="longer than the task may"):
        check(NAMES[0], execution_timeout=timedelta(milliseconds=50))


def test_a_database_without_a_schema_names_the_command(connected: None, conn: Connection) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    conn.execute("DROP SCHEMA public CASCADE")
    with pytest.raises(AirflowFailException, match="run: python -m recsys migrate"):
        check("ratings_in_range")


def test_a_connection_of_the_hook_is_settled(
    connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recsys_airflow.hook import RecsysHook

    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGOPTIONS", "-c timezone=Pacific/Auckland -c idle_session_timeout=1s")
    conn = RecsysHook().get_conn()
    shown = [
        conn.execute(f"SHOW {name}").fetchone()[0]
        for name in ("client_encoding", "timezone", "idle_session_timeout")
    ]
    assert shown == ["UTF8", "UTC", "0"]
    conn.rollback()
    assert conn.execute("SHOW timezone").fetchone()[0] == "UTC"
    conn.close()


def test_a_server_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from recsys_airflow.hook import RecsysHook

    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", "postgres://nobody:s3cret@127.0.0.1:1/recsys")
    with pytest.raises(AirflowException, match="Postgres cannot be reached") as raised:
        check(NAMES[0])
    assert not isinstance(raised.value, AirflowFailException) and "s3cret" not in str(raised.value)
    with pytest.raises(psycopg.OperationalError):
        RecsysHook().get_conn()
