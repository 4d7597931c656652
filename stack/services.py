"""The stack as a whole: PostgreSQL, MLflow, Airflow's four services, the API."""

import os
import subprocess
from collections.abc import Callable
from functools import cached_property, partial

import httpx
from pydantic import SecretStr

from recsys.db.connect import connect
from recsys.db.migrate import migrate
from recsys.scoring.fallback import store_missing_fallbacks
from recsys.serving.key_ledger import NewKey, create_key
from recsys.settings import Settings
from stack.environment import (
    BIN,
    airflow_environment,
    api_environment,
    mlflow_environment,
    recsys_environment,
    write_environment,
)
from stack.errors import StackError
from stack.home import REPOSITORY, Home, wanted_port
from stack.ports import settled_port
from stack.postgres import Postgres
from stack.private import write_private
from stack.service import Service, stop_services

NO_LOG_SERVER = "--skip-serve-logs"
START_TIMEOUT = 120.0  # seconds; a cold start takes about 20 on two cores


class Stack:
    """Everything that `make demo` runs, in one folder."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.postgres = Postgres(home.root, port=wanted_port("postgres"))

    @cached_property
    def mlflow(self) -> Service:
        """Return MLflow's server."""
        address = ["--host", "127.0.0.1", "--port", str(self.home.port("mlflow"))]
        command = [str(BIN / "mlflow"), "server", *address, "--workers", "1"]
        url = f"{self.home.url('mlflow')}/health"
        return Service(
            "mlflow",
            [*command, "--app-name", "basic-auth"],
            mlflow_environment(self.home, self.postgres),
            self.home.mlflow,
            partial(answers, url),
        )

    @cached_property
    def airflow(self) -> list[Service]:
        """Return Airflow's four services, the api-server first."""
        base = self.home.url("airflow")
        reports = partial(reports_healthy, base)
        return [
            self._airflow_service("api-server", partial(answers, f"{base}/api/v2/version")),
            self._airflow_service("scheduler", partial(reports, "scheduler"), NO_LOG_SERVER),
            self._airflow_service("dag-processor", partial(reports, "dag_processor")),
            self._airflow_service("triggerer", partial(reports, "triggerer"), NO_LOG_SERVER),
        ]

    def _airflow_service(self, name: str, healthy: Callable[[], bool], *options: str) -> Service:
        command = [str(BIN / "airflow"), name, *options]
        return Service(name, command, self._airflow_environment, self.home.airflow, healthy)

    @property
    def _airflow_environment(self) -> dict[str, str]:
        return airflow_environment(self.home, self.postgres)

    @cached_property
    def api(self) -> Service:
        """Return the API with its pages."""
        command = [str(BIN / "python"), "-m", "recsys", "serve"]
        environment = api_environment(self.home, self.postgres)
        healthy = partial(answers, f"{self.home.url('api')}/healthz")
        return Service("api", command, environment, self.home.models, healthy)

    @property
    def services(self) -> list[Service]:
        """Return MLflow, Airflow and the API, in the order in which they start."""
        return [self.mlflow, *self.airflow, self.api]

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
        self._start_airflow(tell)
        tell("the API")
        self._make_keys()
        self.mlflow.wait_healthy(self.home, START_TIMEOUT)
        self._make_mlflow_reader()
        self.api.start(self.home)
        for service in self.services:
            service.wait_healthy(self.home, START_TIMEOUT)

    def _start_airflow(self, tell: Callable[[str], None]) -> None:
        if not all(service.main_process(self.home) for service in self.airflow):
            tell("Airflow's database")
            self._migrate_airflow()
        tell("Airflow")
        for service in self.airflow:
            service.start(self.home)

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
        self._settle_port("mlflow", self.mlflow)
        self._settle_port("airflow", self.airflow[0])
        self._settle_port("api", self.api)
        del self.mlflow, self.airflow, self.api  # made with the ports as they were

    def _settle_port(self, name: str, service: Service) -> None:
        last = self.home.port(name)
        chosen = wanted_port(name)
        if service.main_process(self.home) is None:
            self.home.set_port(name, settled_port(name, chosen, last))
        elif chosen not in (None, last):
            raise StackError(
                f"{name} runs on port {last}, asked for {chosen}: stop it first, `make down`"
            )

    def _migrate_recsys(self) -> None:
        with connect(self.settings()) as conn:
            migrate(conn)
            store_missing_fallbacks(conn)

    def _make_keys(self) -> None:
        """See to the keys of scope read and predict, each in a file of its owner's alone."""
        files = {"read": self.home.api_key, "predict": self.home.service_key}
        with connect(self.settings()) as conn:
            for scope, path in files.items():
                if not path.exists():
                    key = create_key(conn, NewKey(scope, created_by="make demo", note=path.name))
                    write_private(path, key + "\n")

    def _make_mlflow_reader(self) -> None:
        """See to the login by which the API reads models."""
        reader = {"MLFLOW_READER_PASSWORD": self.home.secret("mlflow_reader")}
        environment = recsys_environment(self.home, self.postgres) | reader
        done = subprocess.run(
            [str(BIN / "python"), "-m", "recsys.registry.reader"],
            env=os.environ | environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"MLflow's login for the API can't be made:\n{done.stderr[-2000:]}")

    def _migrate_airflow(self) -> None:
        done = subprocess.run(
            [str(BIN / "airflow"), "db", "migrate"],
            env=os.environ | self._airflow_environment,
            cwd=self.home.airflow,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        self.home.log("airflow-db-migrate").write_text(output)
        if done.returncode:
            failure = f"airflow db migrate failed with status {done.returncode}"
            raise StackError(f"{failure}:\n{output[-2000:]}")


def answers(url: str) -> bool:
    """Whether the address answers without an error."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def reports_healthy(base: str, part: str) -> bool:
    """Airflow's services other than the api-server have no port; they report to its database, which
    the api-server reads.
    """
    try:
        answer = httpx.get(f"{base}/api/v2/monitor/health", timeout=5, trust_env=False)
        return answer.status_code == 200 and answer.json()[part]["status"] == "healthy"
    except (httpx.HTTPError, ValueError):
        return False
