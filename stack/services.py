"""The stack as a whole: PostgreSQL, MLflow, Airflow's four services."""

import os
import subprocess
from collections.abc import Callable
from functools import cached_property

import httpx
from pydantic import SecretStr

from recsys.db.connect import connect
from recsys.db.migrate import migrate
from recsys.settings import Settings
from stack.environment import BIN, airflow_environment, mlflow_environment, write_environment
from stack.errors import StackError
from stack.home import Home, wanted_port
from stack.ports import free_port, is_free
from stack.postgres import Postgres
from stack.service import Service, stop_services

START_TIMEOUT = 120.0  # seconds; a cold start takes about 20 on two cores


class Stack:
    """Everything that `make demo` runs, in one folder."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.postgres = Postgres(home.root, port=wanted_port("postgres"))

    @cached_property
    def mlflow(self) -> Service:
        port = str(self.home.port("mlflow"))
        command = [
            str(BIN / "mlflow"),
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            port,
            "--workers",
            "1",
            "--app-name",
            "basic-auth",
        ]
        url = f"{self.home.url('mlflow')}/health"
        return Service(
            "mlflow",
            command,
            mlflow_environment(self.home, self.postgres),
            self.home.mlflow,
            lambda: _answers(url),
        )

    @cached_property
    def airflow(self) -> list[Service]:
        base = self.home.url("airflow")
        environment = airflow_environment(self.home, self.postgres)
        own_log = ["--skip-serve-logs"]
        parts = {
            "api-server": ([], lambda: _answers(f"{base}/api/v2/version")),
            "scheduler": (own_log, lambda: _reports_healthy(base, "scheduler")),
            "dag-processor": ([], lambda: _reports_healthy(base, "dag_processor")),
            "triggerer": (own_log, lambda: _reports_healthy(base, "triggerer")),
        }
        services = []
        for name, (options, healthy) in parts.items():
            command = [str(BIN / "airflow"), name, *options]
            services.append(Service(name, command, environment, self.home.airflow, healthy))
        return services

    @property
    def services(self) -> list[Service]:
        return [self.mlflow, *self.airflow]

    def up(self, tell: Callable[[str], None]) -> None:
        """Start what does not run and wait until all of it is healthy. Raises StackError."""
        self.home.create()
        tell("PostgreSQL")
        self.postgres.start()
        self._settle_ports()
        write_environment(self.home, self.postgres)
        self._migrate_recsys()
        tell("MLflow")
        self.mlflow.start(self.home)
        if any(service.main_process(self.home) is None for service in self.airflow):
            tell("Airflow's database")
            self._migrate_airflow()
        tell("Airflow")
        for service in self.airflow:
            service.start(self.home)
        for service in self.services:
            service.wait_healthy(self.home, START_TIMEOUT)

    def down(self) -> None:
        """Stop everything that runs, whatever state an earlier command left."""
        if self.home.root.exists():
            stop_services(self.home, self.services)
            self.postgres.stop()

    def remove(self) -> None:
        """Stop everything; delete databases that live outside the folder. The folder itself is the
        caller's to delete.
        """
        if self.home.root.exists():
            self.down()
            self.postgres.remove()

    def settings(self) -> Settings:
        """The library's settings for this stack."""
        return Settings(
            database_url=SecretStr(self.postgres.url()),
            drops=str(self.home.drops),
            mlflow_tracking_uri=self.home.url("mlflow"),
        )

    def _settle_ports(self) -> None:
        """A service that does not run yet takes the port that was asked for, else its last one,
        else a free one.
        """
        for name, main in (("mlflow", self.mlflow), ("airflow", self.airflow[0])):
            if main.main_process(self.home) is None:
                self.home.set_port(name, settle_port(name, self.home.port(name)))
            elif wanted_port(name) not in (None, self.home.port(name)):
                raise StackError(
                    f"{name} runs on port {self.home.port(name)}, asked for {wanted_port(name)}: "
                    "stop it first, `make down`"
                )
        del self.mlflow, self.airflow  # made with the ports as they were

    def _migrate_recsys(self) -> None:
        with connect(self.settings()) as conn:
            migrate(conn)

    def _migrate_airflow(self) -> None:
        environment = airflow_environment(self.home, self.postgres)
        command = [str(BIN / "airflow"), "db", "migrate"]
        done = subprocess.run(
            command,
            env=os.environ | environment,
            cwd=self.home.airflow,
            capture_output=True,
            text=True,
            check=False,
        )
        self.home.log("airflow-db-migrate").write_text(done.stdout + done.stderr)
        if done.returncode:
            raise StackError(
                "airflow db migrate failed with status "
                f"{done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
            )


def settle_port(service: str, last: int) -> int:
    port = wanted_port(service)
    if port is None:
        return last if is_free(last) else free_port()
    if not is_free(port):
        raise StackError(f"port {port}, asked for {service}, is taken by another program")
    return port


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _reports_healthy(base: str, part: str) -> bool:
    """Airflow's services other than the api-server have no port; they report to its database, which
    the api-server reads.
    """
    try:
        answer = httpx.get(f"{base}/api/v2/monitor/health", timeout=5, trust_env=False)
        return answer.status_code == 200 and answer.json()[part]["status"] == "healthy"
    except (httpx.HTTPError, ValueError):
        return False
