"""MLflow away, refusing or silent: what only mirrors the ledger neither stops nor holds up
anything.
"""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from recsys import cli
from recsys.db.connect import Connection, Lock, advisory_lock, connect
from recsys.promotion import ledger
from recsys.registry import patience
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps


@contextmanager
def silent_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that accepts and never answers: its address, and its connections so far."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        accepted: list[socket.socket] = []
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    accepted.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", accepted
        finally:
            stop.set()
            thread.join()
            for connection in accepted:
                connection.close()


def refusing_address() -> str:
    """Of a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def elsewhere(settings: Settings, uri: str) -> Settings:
    return settings.model_copy(update={"mlflow_tracking_uri": uri})


def live_now(conn: Connection) -> int:
    return (
        conn.execute("SELECT publication_id FROM publications WHERE is_live")
        .fetchone()
        .publication_id
    )


@pytest.fixture
def two_weeks(settings: Settings, weeks: list[date], monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Two weeks that were published; from here on a mirror's attempt lasts a second."""
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of, recipes=["popularity"])
    monkeypatch.setitem(patience.BRIEF, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    return weeks


def roll_back(settings: Settings, publication_id: int) -> str:
    return steps.rollback_publication(
        settings, publication_id=publication_id, reason="bad lists", requested_by="ann"
    )


def test_a_rollback_is_done_and_said_though_mlflow_refuses(
    settings: Settings, two_weeks: list[date], conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    uri = refusing_address()
    sentence = roll_back(elsewhere(settings, uri), 1)
    assert sentence.startswith("rolled back from publication 2 to publication 1")
    assert live_now(conn) == 1
    messages = [
        record.getMessage() for record in caplog.records if record.name.startswith("recsys")
    ]
    assert messages[0] == sentence
    assert f"MLflow at {uri} does not answer: Connection refused" in messages[1]
    assert "MLflow follows with the next run" in messages[1]
    steps.resolve_week(settings, as_of=two_weeks[1])
    assert Registry(settings).champion() == ledger.newest_champion(conn).model.version  # pyright: ignore[reportOptionalMemberAccess]


def test_a_rollback_gives_a_silent_mlflow_two_attempts(
    settings: Settings, two_weeks: list[date], conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with silent_server() as (uri, connections):
        roll_back(elsewhere(settings, uri), 1)
    assert live_now(conn) == 1
    assert len(connections) == 2
    assert f"MLflow at {uri} does not answer: timed out" in caplog.text


def test_rollback_at_a_terminal_has_status_0_though_mlflow_refuses(
    settings: Settings,
    two_weeks: list[date],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("RECSYS_MLFLOW_TRACKING_URI", refusing_address())
    assert cli.main(["rollback", "--to", "1", "--reason", "bad lists"]) == 0
    assert "rolled back from publication 2 to publication 1" in capsys.readouterr().out
    assert live_now(conn) == 1


def test_a_week_is_resolved_though_mlflow_refuses(
    settings: Settings, two_weeks: list[date], caplog: pytest.LogCaptureFixture
) -> None:
    week = steps.resolve_week(elsewhere(settings, refusing_address()), as_of=two_weeks[2])
    assert week.as_of == two_weeks[2]
    assert "MLflow follows with the next run" in caplog.text


def test_a_rollback_waits_for_no_run_that_writes_to_mlflow(
    settings: Settings, two_weeks: list[date], conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Such a run may itself wait for MLflow, for minutes."""
    with connect(settings) as other, advisory_lock(other, Lock.REGISTRY):
        roll_back(settings, 1)
    assert live_now(conn) == 1
    assert "another run has been writing to MLflow for longer" in caplog.text
