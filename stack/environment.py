"""The environment of each service: what docker-compose.yaml says for containers, this says for
processes of one machine.
"""

import json
import os
import shlex
import sys
from pathlib import Path

from recsys.registry.names import READER
from stack.home import REPOSITORY, Home
from stack.postgres import Postgres
from stack.private import write_private

BIN = Path(sys.executable).parent  # of the virtual environment that runs the launcher
ADMIN = "admin"

#: The Airflow connection that the operators use.
CONNECTION_VARIABLE = "AIRFLOW_CONN_RECSYS_DB"

#: Nothing calls home.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

#: What Airflow's services have in any folder, on any port.
AIRFLOW_CONSTANTS = {
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__MP_FORKSERVER_PRELOAD": "stack.task_imports",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__SCHEDULER__MP_START_METHOD": "forkserver",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "PYTHONPATH": str(REPOSITORY),
}


def recsys_environment(home: Home, postgres: Postgres) -> dict[str, str]:
    """The library's settings, and MLflow's own variables for its client's login."""
    return {
        "RECSYS_DATABASE_URL": postgres.url("recsys", "recsys_pipeline"),
        "RECSYS_API_DATABASE_URL": postgres.url("recsys", "recsys_api"),
        "RECSYS_OPERATOR_DATABASE_URL": postgres.url("recsys", "recsys_operator"),
        "RECSYS_DROPS": str(home.drops),
        "RECSYS_MLFLOW_TRACKING_URI": home.url("mlflow"),
        "MLFLOW_TRACKING_URI": home.url("mlflow"),
        "MLFLOW_TRACKING_USERNAME": ADMIN,
        "MLFLOW_TRACKING_PASSWORD": home.secret("mlflow_admin"),
        **hosts_without_proxy(),
    }


def hosts_without_proxy() -> dict[str, str]:
    """The services talk to one another on this machine, past any proxy of a company's."""
    names = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    return {
        name: ",".join(filter(None, (value, "127.0.0.1", "localhost")))
        for name, value in names.items()
    }


def mlflow_environment(home: Home, postgres: Postgres) -> dict[str, str]:
    """Of the MLflow server. Passwords go by the environment: a command line can be read by
    everybody on the machine.
    """
    return QUIET | {
        "MLFLOW_BACKEND_STORE_URI": sqlalchemy_url(postgres, "mlflow"),
        "MLFLOW_ARTIFACTS_DESTINATION": str(home.mlflow / "artifacts"),
        "MLFLOW_AUTH_CONFIG_PATH": str(REPOSITORY / "docker" / "mlflow-auth.ini"),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": home.secret("mlflow_admin"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": home.secret("mlflow_session"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def airflow_environment(home: Home, postgres: Postgres) -> dict[str, str]:
    """Of Airflow's four services and of its command line."""
    databases = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(postgres, "airflow"),
        CONNECTION_VARIABLE: postgres.url("recsys", "recsys_pipeline"),
    }
    pages = {
        "RECSYS_API_URL": home.url("api"),
        "RECSYS_API_KEY_FILE": str(home.service_key),
    }
    own = airflow_settings(home) | airflow_secrets(home) | databases | pages
    return QUIET | recsys_environment(home, postgres) | AIRFLOW_CONSTANTS | own


def api_environment(home: Home, postgres: Postgres) -> dict[str, str]:
    """Of the API: it is recsys_api to the database, and a reader to MLflow."""
    return QUIET | {
        "RECSYS_DATABASE_URL": postgres.url("recsys", "recsys_api"),
        "RECSYS_API_DATABASE_URL": postgres.url("recsys", "recsys_api"),
        "RECSYS_OPERATOR_DATABASE_URL": postgres.url("recsys", "recsys_operator"),
        **api_port(home),
        "RECSYS_API_MODELS": str(home.models),
        "RECSYS_MLFLOW_TRACKING_URI": home.url("mlflow"),
        "RECSYS_AIRFLOW_URL": home.url("airflow"),
        "RECSYS_AIRFLOW_USER": ADMIN,
        "RECSYS_AIRFLOW_PASSWORD": home.secret("airflow_admin"),
        "MLFLOW_TRACKING_URI": home.url("mlflow"),
        "MLFLOW_TRACKING_USERNAME": READER,
        "MLFLOW_TRACKING_PASSWORD": home.secret("mlflow_reader"),
        "PYTHONPATH": str(REPOSITORY),
        **hosts_without_proxy(),
    }


def api_port(home: Home) -> dict[str, str]:
    """Return where the API listens: the API itself reads it, and `recsys serve --url`."""
    return {"RECSYS_API_PORT": str(home.port("api"))}


def airflow_settings(home: Home) -> dict[str, str]:
    """Return Airflow's folder and addresses."""
    url = home.url("airflow")
    return {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": str(home.port("airflow")),
    }


def airflow_secrets(home: Home) -> dict[str, str]:
    """Return Airflow's keys: for stored connections, sessions and tasks."""
    return {
        "AIRFLOW__CORE__FERNET_KEY": home.secret("airflow_fernet"),
        "AIRFLOW__API__SECRET_KEY": home.secret("airflow_api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("airflow_jwt"),
    }


def sqlalchemy_url(postgres: Postgres, name: str) -> str:
    """Airflow's or MLflow's own database, as the role of the same name."""
    return postgres.url(name, name).replace("postgresql://", "postgresql+psycopg2://", 1)


def write_environment(home: Home, postgres: Postgres) -> None:
    """What commands outside the services need: recsys.env, Airflow's passwords file, and an
    `airflow` command of this stack.
    """
    variables = recsys_environment(home, postgres) | api_port(home)
    lines = [f"{name}={value}\n" for name, value in variables.items()]
    write_private(home.recsys_env, "".join(lines))
    write_private(home.passwords, json.dumps({ADMIN: home.secret("airflow_admin")}) + "\n")
    script = airflow_script(airflow_environment(home, postgres))
    write_private(home.airflow_command, script, mode=0o700)


def airflow_script(environment: dict[str, str]) -> str:
    """Return a shell script that runs Airflow's command line in an environment."""
    lines = ["#!/bin/sh", "# Airflow's command line for this stack."]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines.append(f'exec {shlex.quote(str(BIN / "airflow"))} "$@"')
    return "\n".join(lines) + "\n"
