"""The embedded server: what the session's server does not show."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stack import postgres_programs
from stack.errors import StackError
from stack.postgres import SUPERUSER, Postgres
from stack.postgres_programs import wheel_install

pytestmark = pytest.mark.slow


@pytest.fixture
def state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="recsys-tests-") as folder:
        yield Path(folder) / "parent" / "state"


def test_starts_stops_and_starts_again_with_the_same_port_and_data(state: Path) -> None:
    server = Postgres(state, durable=False)
    try:
        assert not server.is_running()
        server.stop()  # nothing there, nothing wrong
        server.start()
        with psycopg.connect(server.url()) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 1 AS a")
        port = server.port
        server.stop()
        assert not server.is_running()
        again = Postgres(state, durable=False)
        again.start()
        again.start()  # it runs: nothing happens
        assert again.is_running()
        assert again.port == port
        with psycopg.connect(again.url()) as conn:
            assert conn.execute("SELECT a FROM kept").fetchone() == (1,)
    finally:
        server.remove()
    assert not server.is_running()
    assert not server.record_path.exists()


def test_listens_on_the_loopback_interface_only_and_asks_for_scram(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres", SUPERUSER)) as conn:
        shown = {
            name: conn.execute(f"SHOW {name}").fetchone()
            for name in ("listen_addresses", "unix_socket_directories", "jit")
        }  # type: ignore[arg-type]
        methods = conn.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert shown == {
        "listen_addresses": ("127.0.0.1",),
        "unix_socket_directories": ("",),
        "jit": ("off",),
    }
    assert methods == [("scram-sha-256",)]


def test_a_demo_survives_a_crash_of_the_machine_a_test_need_not(
    tmp_path: Path, postgres: Postgres
) -> None:
    assert "fsync=off" in postgres._server_options()
    assert "fsync" not in Postgres(tmp_path)._server_options()


def test_a_taken_port_that_was_asked_for_is_refused(state: Path, postgres: Postgres) -> None:
    server = Postgres(state, port=postgres.port, durable=False)
    try:
        with pytest.raises(StackError, match=f"port {postgres.port}, asked for PostgreSQL"):
            server.start()
    finally:
        server.remove()


def test_superusers_password_is_left_in_no_other_file(postgres: Postgres) -> None:
    assert [path.name for path in postgres.home.iterdir() if path.is_file()] == ["postgres.log"]


@pytest.mark.root
def test_root_keeps_closed_folders_closed_and_the_server_runs_unprivileged(state: Path) -> None:
    """The server's account cannot enter root's folder: its data go elsewhere, and no permission
    above the state is changed.
    """
    state.parent.mkdir()
    state.parent.chmod(0o700)
    server = Postgres(state, durable=False)
    try:
        server.start()
        assert not server.home.is_relative_to(state)
        assert server.home.stat().st_uid != 0
        assert server.home.stat().st_mode & 0o077 == 0
        assert state.parent.stat().st_mode & 0o777 == 0o700
        assert server.is_running()
    finally:
        home = server.home
        server.remove()
    assert not home.exists()


def test_programs_that_the_account_cannot_reach_run_from_a_copy(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root in a folder closed to others, such as a fresh clone under `mktemp -d`."""
    package = wheel_install().parent
    closed = tmp_path / "closed"
    for name in (f"{package.name}/{wheel_install().name}", f"{package.name}.libs"):
        shutil.copytree(package.parent / name, closed / name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(
        postgres_programs, "wheel_install", lambda: closed / package.name / wheel_install().name
    )
    server = Postgres(state, durable=False)
    try:
        server.start()
        assert server.is_running()
        assert os.getuid() != 0 or server.programs.install.is_relative_to(server.home)
    finally:
        server.remove()
