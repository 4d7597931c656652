"""No Docker engine is needed to know that docker-compose.yaml and the Dockerfile say what the code
expects.
"""

import copy
import json
import re
import subprocess
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from recsys.registry.names import READER
from recsys.settings import Settings
from stack.compose_env import write_compose_env
from stack.environment import (
    CONNECTION_VARIABLE,
    airflow_environment,
    api_environment,
    mlflow_environment,
)
from stack.errors import StackError
from stack.home import Home
from stack.postgres import PASSWORD_VARIABLES, Postgres

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
IN_IMAGE = "/opt/recsys"
AIRFLOW = ("airflow-init", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
CELERY = {"broker", "worker"}
VISIBILITY = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"
#: The Compose Specification's own schema: see tests/data/README.md.
SCHEMA = ROOT / "tests" / "data" / "compose-spec.json"
DURATION = r"\d+(s|m|h)"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def test_the_compose_specification_admits_the_file(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(compose, schema, cls=jsonschema.Draft202012Validator)
    for name in compose["services"]:
        wrong = copy.deepcopy(compose)
        wrong["services"][name]["depend_on"] = ["postgres"]
        with pytest.raises(jsonschema.ValidationError, match="depend_on"):
            jsonschema.validate(wrong, schema, cls=jsonschema.Draft202012Validator)


def test_every_image_has_a_version_and_every_service_a_command(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"[a-z]+:[0-9]\S*", service["image"]), name
        assert service["command"], name
        assert service.get("restart", "on-failure") in ("unless-stopped", "on-failure"), name
        assert re.fullmatch(DURATION, service.get("stop_grace_period", "10s")), name


def test_ports_are_open_to_this_machine_alone(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    for port in ports:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port), port


def test_volumes_and_settings_go_where_the_image_expects_them(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for volume in service["volumes"]:
            assert re.fullmatch(r"[^:]+(:-[^:]+)?:/[^:]+(:ro)?", volume), name
        assert service.get("working_dir", "/").startswith("/"), name
        settings = service.get("env_file", [])
        assert settings in ([], [{"path": "settings.env", "required": False}]), name


def test_a_health_check_is_a_command_with_all_its_times(services: dict[str, Any]) -> None:
    for name, service in services.items():
        check = service.get("healthcheck")
        if check is None:
            continue
        assert check["test"][0] == "CMD", name
        assert check.keys() == {"test", "interval", "timeout", "retries", "start_period"}, name
        for time in ("interval", "timeout", "start_period"):
            assert re.fullmatch(DURATION, check[time]), f"{name}: {time}"


def test_the_services_of_the_design_are_there_and_depend_on_services_that_exist(
    services: dict[str, Any],
) -> None:
    assert set(services) == {"postgres", "mlflow", "api", *AIRFLOW, *CELERY}
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed], (
                f"{name} waits for {needed}"
            )
    assert all(
        "healthcheck" in service for name, service in services.items() if name != "airflow-init"
    )


def test_named_volumes_are_declared(compose: dict[str, Any]) -> None:
    sources = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
    }
    assert {source for source in sources if re.fullmatch(r"[a-z]+", source)} == set(
        compose["volumes"]
    )


def test_postgres_runs_the_same_bootstrap_as_the_launcher(services: dict[str, Any]) -> None:
    postgres = services["postgres"]
    assert postgres["image"].startswith("postgres:18.")
    assert "./sql/bootstrap.sql:/docker-entrypoint-initdb.d/bootstrap.sql:ro" in postgres["volumes"]
    assert "postgres:/var/lib/postgresql" in postgres["volumes"]
    read = set(
        re.findall(
            r"^\\getenv \w+ (\w+)$", (ROOT / "sql" / "bootstrap.sql").read_text(), re.MULTILINE
        )
    )
    assert read == set(PASSWORD_VARIABLES.values())
    assert read <= set(postgres["environment"])


def test_every_recsys_variable_is_a_setting(services: dict[str, Any]) -> None:
    variables = {f"RECSYS_{name.upper()}" for name in Settings.model_fields}
    for name in (*AIRFLOW, "api"):
        given = {
            variable for variable in services[name]["environment"] if variable.startswith("RECSYS_")
        }
        assert given <= variables, name
        if name == "api":
            continue  # it neither takes drops in nor runs steps
        assert {"RECSYS_DATABASE_URL", "RECSYS_DROPS", "RECSYS_MLFLOW_TRACKING_URI"} <= given


def test_the_connection_is_the_one_that_the_operators_use(services: dict[str, Any]) -> None:
    from recsys_airflow import RECSYS_DB

    assert f"AIRFLOW_CONN_{RECSYS_DB.upper()}" == CONNECTION_VARIABLE
    assert all(CONNECTION_VARIABLE in services[name]["environment"] for name in AIRFLOW)


def test_pipeline_connects_as_its_own_role(services: dict[str, Any]) -> None:
    for variable in (CONNECTION_VARIABLE, "RECSYS_DATABASE_URL"):
        url = services["scheduler"]["environment"][variable]
        assert url == (
            "postgresql://recsys_pipeline:${RECSYS_PIPELINE_PASSWORD:?run make "
            "env}@postgres:5432/recsys"
        )


def test_compose_and_launcher_say_the_same_variables(
    services: dict[str, Any], dockerfile: str, tmp_path: Path
) -> None:
    """What the launcher sets for a process is set for its container, in compose or in the image."""
    home, postgres = Home(tmp_path), Postgres(tmp_path)
    home.create()
    image = set(re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", dockerfile, re.MULTILINE))
    only_there = {
        "AIRFLOW__API__HOST",
        "AIRFLOW__API__PORT",
        "AIRFLOW__CORE__MP_FORKSERVER_PRELOAD",  # of LocalExecutor, where compose has Celery
        "AIRFLOW__SCHEDULER__MP_START_METHOD",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG",
        "NO_PROXY",
        "no_proxy",
    }
    assert (
        set(airflow_environment(home, postgres)) - only_there
        <= set(services["scheduler"]["environment"]) | image
    )
    assert set(mlflow_environment(home, postgres)) <= set(services["mlflow"]["environment"]) | image


def test_no_secret_and_no_default_password_in_any_file(services: dict[str, Any]) -> None:
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    for name, service in services.items():
        for variable, value in service["environment"].items():
            if variable == "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE":
                continue  # a path
            if re.search(
                "PASSWORD|SECRET|_KEY$|_CONN|_AUTH$|DATABASE_URL|BROKER_URL|RESULT_BACKEND|BACKEND_STORE_URI",
                variable,
            ):
                used = re.findall(r"\$\{(\w+):\?[^}]+\}", value)
                assert used, f"{name}: {variable} is not from .env"
                assert all(example[each] == "" for each in used), f"{name}: {variable}"


def test_every_variable_of_compose_is_in_the_example(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    example = {
        line.split("=")[0]
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line and line[0] != "#"
    }
    assert set(re.findall(r"\$\{(\w+)", text)) == example


def test_make_env_fills_every_empty_variable_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write_compose_env(path)
    written = dict(
        line.split("=", 1)
        for line in path.read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    secrets = [
        value
        for name, value in written.items()
        if not name.endswith("_PORT") and name not in ("API_WORKERS", "AIRFLOW_EXECUTOR", "DROPS")
    ]
    assert len(set(secrets)) == len(secrets) == 15
    assert all(len(secret) >= 32 for secret in secrets)
    with pytest.raises(StackError, match="is there"):
        write_compose_env(path)


def test_paths_in_the_image_are_paths_of_the_repository(
    services: dict[str, Any], dockerfile: str
) -> None:
    copied = {
        path
        for line in dockerfile.splitlines()
        if line.startswith("COPY")
        for path in line.split()[1:-1]
    }
    text = dockerfile + "\n".join(str(service) for service in services.values())
    named = set(re.findall(rf"{IN_IMAGE}/([\w./-]+)", text))
    assert {"dags", "plugins", "docker/mlflow-auth.ini", "docker/airflow-init.sh"} <= named
    for path in named | copied:
        assert (ROOT / path).exists(), path
        assert path.split("/")[0] in copied, path
    admitted = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert admitted == copied


def test_image_is_pinned_unprivileged_and_free_of_development_packages(dockerfile: str) -> None:
    assert re.search(r"^FROM python:3\.11\.\d+-slim-bookworm$", dockerfile, re.MULTILINE)
    assert dockerfile.rstrip().endswith("USER recsys")
    assert "-r requirements.in -c requirements.txt" in dockerfile
    assert "requirements-dev" not in dockerfile


def test_service_commands_are_subcommands_that_exist(services: dict[str, Any]) -> None:
    from airflow.cli.cli_parser import get_parser

    parser = get_parser()
    for name in AIRFLOW[1:]:
        parser.parse_args(services[name]["command"][1:])
        check = services[name]["healthcheck"]["test"][1:]
        if check[0] == "airflow":
            parser.parse_args(check[1:])


def test_job_types_of_the_health_checks_exist(services: dict[str, Any]) -> None:
    from airflow.jobs.dag_processor_job_runner import DagProcessorJobRunner
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.jobs.triggerer_job_runner import TriggererJobRunner

    job_types = {
        runner.job_type
        for runner in (SchedulerJobRunner, DagProcessorJobRunner, TriggererJobRunner)
    }
    checked = {
        services[name]["healthcheck"]["test"][5]
        for name in ("scheduler", "dag-processor", "triggerer")
    }
    assert checked == job_types


def test_mlflow_command_has_options_that_exist(services: dict[str, Any]) -> None:
    from mlflow.cli import server

    options = {name for option in server.params for name in option.opts}
    used = {word for word in services["mlflow"]["command"] if word.startswith("--")}
    assert used <= options
    variables = {option.envvar for option in server.params}
    assert {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"} <= variables


def test_init_script_is_a_shell_script_that_uses_variables_that_it_gets(
    services: dict[str, Any],
) -> None:
    script = ROOT / "docker" / "airflow-init.sh"
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert script.stat().st_mode & 0o111
    used = set(re.findall(r"\$(\w+)|environ\[\"(\w+)\"\]", script.read_text()))
    assert {name for pair in used for name in pair if name} <= set(
        services["airflow-init"]["environment"]
    )


# the profile celery


def test_without_the_profile_tasks_run_in_the_scheduler(services: dict[str, Any]) -> None:
    assert {
        name for name, service in services.items() if service.get("profiles") == ["celery"]
    } == CELERY
    assert {services[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] for name in AIRFLOW} == {
        "${AIRFLOW_EXECUTOR:-LocalExecutor}"
    }
    assert "AIRFLOW_EXECUTOR=LocalExecutor" in (ROOT / ".env.example").read_text().splitlines()
    needed = {
        each for name in services.keys() - CELERY for each in services[name].get("depends_on", {})
    }
    assert not needed & CELERY, "a service that is always there waits for one that is not"


def test_the_broker_is_closed_to_all_but_the_services(services: dict[str, Any]) -> None:
    broker, url = (
        services["broker"],
        services["worker"]["environment"]["AIRFLOW__CELERY__BROKER_URL"],
    )
    assert "ports" not in broker and "ports" not in services["worker"]
    assert broker["environment"] == {"REDISCLI_AUTH": "${BROKER_PASSWORD:?run make env}"}
    assert url == "redis://:${BROKER_PASSWORD:?run make env}@broker:6379/0"
    assert "BROKER_PASSWORD" not in str(broker["command"]), "who lists processes reads it"


def test_the_broker_gets_a_password_that_no_process_list_shows(
    services: dict[str, Any], tmp_path: Path
) -> None:
    shell, flag, line = services["broker"]["command"]
    (there,) = re.findall(r"> (\S+)/redis\.conf", line)
    line = (
        line.replace("$$", "$")
        .replace(there, str(tmp_path))
        .replace("exec redis-server", "exec echo")
    )
    done = subprocess.run(
        [shell, flag, line],
        env={"REDISCLI_AUTH": "s3cret"},
        check=True,
        capture_output=True,
        text=True,
    )
    conf = tmp_path / "redis.conf"
    assert done.stdout == f"{conf} --dir /data\n"
    assert conf.read_text() == "requirepass s3cret\n"
    assert conf.stat().st_mode & 0o777 == 0o600


def test_two_workers_are_like_the_scheduler(services: dict[str, Any]) -> None:
    worker, scheduler = services["worker"], services["scheduler"]
    assert worker["deploy"]["replicas"] == 2
    assert {name: worker[name] for name in ("image", "volumes", "environment", "env_file")} == {
        name: scheduler[name] for name in ("image", "volumes", "environment", "env_file")
    }
    assert worker["depends_on"].keys() == scheduler["depends_on"].keys() | {"broker"}
    at_once = (
        int(worker["environment"]["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
        * worker["deploy"]["replicas"]
    )
    assert at_once == int(worker["environment"]["AIRFLOW__CORE__PARALLELISM"])


def test_no_task_outlasts_the_brokers_patience(services: dict[str, Any]) -> None:
    from airflow.dag_processing.dagbag import DagBag

    patience = timedelta(seconds=int(services["worker"]["environment"][VISIBILITY]))
    tasks = [task for dag in DagBag(ROOT / "dags").dags.values() for task in dag.tasks]
    assert max(task.execution_timeout for task in tasks if task.execution_timeout) < patience


def test_celerys_settings_and_its_app_exist(services: dict[str, Any]) -> None:
    from airflow.providers.celery.get_provider_info import get_provider_info

    options = {
        f"AIRFLOW__{section.upper()}__{option.upper()}"
        for section, content in get_provider_info()["config"].items()
        for option in content["options"]
    }
    assert {
        name for name in services["worker"]["environment"] if name.startswith("AIRFLOW__CELERY")
    } <= options
    assert find_spec("airflow.providers.celery.executors.celery_executor")
    assert (
        "--app airflow.providers.celery.executors.celery_executor.app "
        in services["worker"]["healthcheck"]["test"][3]
    )


# the API


def test_the_api_is_nobody_but_itself_to_the_database_and_reads_from_mlflow(
    services: dict[str, Any],
) -> None:
    environment = services["api"]["environment"]
    roles = {
        variable: value.removeprefix("postgresql://").split(":")[0]
        for variable, value in environment.items()
        if variable.endswith("DATABASE_URL")
    }
    assert roles == {
        "RECSYS_DATABASE_URL": "recsys_api",
        "RECSYS_API_DATABASE_URL": "recsys_api",
        "RECSYS_OPERATOR_DATABASE_URL": "recsys_operator",
    }
    assert environment["MLFLOW_TRACKING_USERNAME"] == READER
    assert "user" not in services["api"], "the image's own user is not root"


def test_the_api_runs_as_the_images_user_is_watched_and_keeps_models_on_its_volume(
    services: dict[str, Any], dockerfile: str
) -> None:
    api = services["api"]
    assert not api.keys() & {"user", "privileged", "cap_add"}
    assert "useradd --uid 50000" in dockerfile and dockerfile.rstrip().endswith("USER recsys")
    assert "/healthz" in str(api["healthcheck"]["test"])
    folder = api["environment"]["RECSYS_API_MODELS"]
    assert f"models:{folder}" in api["volumes"] and folder in dockerfile


def test_compose_and_launcher_say_the_same_of_the_api(
    services: dict[str, Any], dockerfile: str, tmp_path: Path
) -> None:
    home, postgres = Home(tmp_path), Postgres(tmp_path)
    home.create()
    image = set(re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", dockerfile, re.MULTILINE))
    only_there = {"RECSYS_API_PORT", "NO_PROXY", "no_proxy"}  # here the port is in the command
    in_container = set(services["api"]["environment"]) | image
    assert set(api_environment(home, postgres)) - only_there <= in_container
