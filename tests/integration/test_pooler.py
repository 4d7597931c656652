"""PgBouncer, Debian's, between the project and Postgres."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from recsys.db.connect import Lock, advisory_lock, connect
from recsys.errors import RecsysError
from recsys.settings import Settings
from stack.account import own_folder, unprivileged_account
from stack.ports import free_port
from stack.postgres import Postgres
from tests import steps

pytestmark = pytest.mark.system

CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={postgres}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = {mode}
"""


@pytest.fixture
def pooled(postgres: Postgres, settings: Settings) -> Iterator[Callable[[str], Settings]]:
    """Start a PgBouncer in a mode; the test's settings by way of it."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    assert Path(program).exists(), "no pgbouncer: apt install pgbouncer"
    account = unprivileged_account()
    identity = (
        {}
        if account is None
        else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    )
    with ExitStack() as ends:

        def start(mode: str) -> Settings:
            folder, port = Path(tempfile.mkdtemp(prefix="recsys-pooler-")), free_port()
            ends.callback(shutil.rmtree, folder)
            own_folder(account, folder)
            (folder / "users.txt").write_text(
                f'"recsys_pipeline" "{postgres.record["passwords"]["recsys_pipeline"]}"\n'
            )
            (folder / "pooler.ini").write_text(
                CONFIGURATION.format(postgres=postgres.port, port=port, folder=folder, mode=mode)
            )
            process = subprocess.Popen(
                [program, folder / "pooler.ini"], stderr=subprocess.DEVNULL, **identity
            )  # pyright: ignore
            ends.callback(process.wait)
            ends.callback(process.terminate)
            url = settings.database_url.get_secret_value().replace(
                f":{postgres.port}/", f":{port}/"
            )
            _wait_for(url)
            return settings.model_copy(update={"database_url": SecretStr(url)})

        yield start


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def test_a_week_runs_by_way_of_a_pooler_in_session_mode(
    pooled: Callable[[str], Settings], settings: Settings, weeks: list[date]
) -> None:
    by_pooler = pooled("session")
    steps.run_week(by_pooler, as_of=weeks[0])
    with connect(by_pooler) as conn:
        assert conn.execute("SHOW timezone").fetchone() == ("UTC",)
        users = (
            conn.execute(
                "SELECT count(DISTINCT user_id) AS n FROM recommendations WHERE as_of = %s",
                [weeks[0]],
            )
            .fetchone()
            .n
        )
    with connect(settings) as conn:
        assert (
            conn.execute("SELECT count(DISTINCT user_id) AS n FROM recommendations").fetchone().n
            == users
            > 50
        )


def test_start_up_options_are_what_a_pooler_refuses(pooled: Callable[[str], Settings]) -> None:
    """Why the session is settled by a statement."""
    url = pooled("session").database_url.get_secret_value()
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter"):
        psycopg.connect(url, options="-c timezone=UTC")


def test_a_pooler_in_transaction_mode_loses_locks_and_is_named(
    pooled: Callable[[str], Settings],
) -> None:
    settings = pooled("transaction")
    lost = "the lock 'views' was lost while it was held: a pooler in transaction mode"
    with connect(settings) as conn, connect(settings) as other:
        with pytest.raises(RecsysError, match=lost), advisory_lock(conn, Lock.VIEWS):
            other.execute("BEGIN")  # now has the session that took the lock
        other.execute("ROLLBACK")
