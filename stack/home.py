"""The one folder that holds all state of the stack: databases, drops, artifacts, logs, secrets,
ports.
"""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from stack.errors import StackError
from stack.ports import free_port
from stack.private import new_fernet_key, new_secret, write_private

REPOSITORY = Path(__file__).resolve().parents[1]

#: Services that listen, and the variable with which a user may choose the port.
PORT_VARIABLES = {
    "postgres": "POSTGRES_PORT",
    "mlflow": "MLFLOW_PORT",
    "airflow": "AIRFLOW_PORT",
    "api": "API_PORT",
}
LOGINS = ("airflow_admin", "mlflow_admin")  # passwords that people type
KEYS = ("airflow_api", "airflow_jwt", "mlflow_session", "mlflow_reader")
CHOSEN_HERE = ("mlflow", "airflow", "api")  # PostgreSQL keeps its own port


def wanted_port(service: str) -> int | None:
    """The port that the environment asks for, None where it leaves the choice."""
    text = os.environ.get(PORT_VARIABLES[service], "")
    if text and not text.isdecimal():
        raise StackError(f"{PORT_VARIABLES[service]}={text}: expected the number of a port")
    return int(text) if text else None


class Home:
    """Paths under the folder, and what is generated once and kept in `stack.json` (readable by its
    owner alone).
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @classmethod
    def chosen(cls) -> "Home":
        """RECSYS_HOME, else `.recsys` in the repository."""
        return cls(Path(os.environ.get("RECSYS_HOME") or REPOSITORY / ".recsys"))

    @property
    def drops(self) -> Path:
        return self.root / "drops"

    @property
    def airflow(self) -> Path:
        return self.root / "airflow-home"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def models(self) -> Path:
        """Where the API keeps the champion's arrays."""
        return self.root / "models"

    @property
    def api_key(self) -> Path:
        """A key of scope read, for whoever tries the API."""
        return self.root / "api-key"

    @property
    def service_key(self) -> Path:
        """The key that Airflow's pages send to the API."""
        return self.root / "api-service-key"

    @property
    def recsys_env(self) -> Path:
        """Settings of the running stack, as recsys.settings reads them."""
        return self.root / "recsys.env"

    @property
    def passwords(self) -> Path:
        """Airflow's file of logins."""
        return self.airflow / "passwords.json"

    @property
    def airflow_command(self) -> Path:
        """The `airflow` command line of this stack."""
        return self.root / "airflow"

    @property
    def is_ours(self) -> bool:
        """Whether the folder was made by `create`."""
        return self.pid_file("-").parent.is_dir() and self.drops.is_dir()

    def log(self, service: str) -> Path:
        return self.root / "logs" / f"{service}.log"

    def pid_file(self, service: str) -> Path:
        return self.root / "run" / f"{service}.json"

    def create(self) -> None:
        """Make the folders, closed to others; what is there stays."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (
            self.drops,
            self.airflow,
            self.mlflow,
            self.models,
            self.log("-").parent,
            self.pid_file("-").parent,
        ):
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def _record_path(self) -> Path:
        return self.root / "stack.json"

    @cached_property
    def record(self) -> dict[str, Any]:
        """`ports` by service, `secrets` by name; what is missing is made at the first use."""
        kept: dict[str, Any] = {"ports": {}, "secrets": {}}
        if self._record_path.exists():
            kept = json.loads(self._record_path.read_text())
        ports = {name: wanted_port(name) or free_port() for name in CHOSEN_HERE}
        record = {
            "ports": ports | kept["ports"],
            "secrets": new_secrets() | kept["secrets"],
        }
        if record != kept:
            self._keep(record)
        return record

    def secret(self, name: str) -> str:
        return self.record["secrets"][name]

    def port(self, service: str) -> int:
        return self.record["ports"][service]

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.port(service)}"

    def set_port(self, service: str, port: int) -> None:
        self.record["ports"][service] = port
        self._keep(self.record)

    def _keep(self, record: dict[str, Any]) -> None:
        write_private(self._record_path, json.dumps(record, indent=2))


def new_secrets() -> dict[str, str]:
    """Return new logins and keys by name."""
    logins = {name: new_secret(8) for name in LOGINS}
    keys = {name: new_secret() for name in KEYS}
    return logins | keys | {"airflow_fernet": new_fernet_key()}
