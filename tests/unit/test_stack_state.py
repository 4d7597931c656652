"""What the launcher generates is kept, private, and never on a command line."""

import argparse
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from recsys.settings import Settings
from stack import __main__ as launcher
from stack.environment import BIN, airflow_environment, recsys_environment, write_environment
from stack.errors import StackError
from stack.home import Home
from stack.ports import free_port, is_free
from stack.postgres import Postgres
from stack.private import write_private
from stack.service import Service
from stack.services import Stack

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "a home")  # with a space, as folders of people have
    home.create()
    return home


@pytest.fixture
def postgres(home: Home) -> Postgres:
    return Postgres(home.root)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_and_ports_stay_from_start_to_start(home: Home, postgres: Postgres) -> None:
    assert Home(home.root).record == home.record
    assert Postgres(home.root).record == postgres.record
    assert len(set(home.record["secrets"].values())) == len(home.record["secrets"])


def test_reading_passwords_and_ports_makes_no_folder_for_a_server(postgres: Postgres) -> None:
    assert postgres.url()
    assert not postgres.is_running()
    assert "home" not in postgres.record


def test_what_is_secret_only_its_owner_can_read(home: Home, postgres: Postgres) -> None:
    write_environment(home, postgres)
    for path in (
        home.root / "stack.json",
        home.root / "postgres.json",
        home.recsys_env,
        home.airflow / "passwords.json",
    ):
        assert mode(path) == 0o600, path
    assert mode(home.airflow_command) == 0o700
    for folder in (home.drops, home.airflow, home.mlflow, home.log("any").parent):
        assert mode(folder) == 0o700, folder


def test_a_private_file_is_replaced_whole_and_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_the_library_reads_the_written_settings(home: Home, postgres: Postgres) -> None:
    write_environment(home, postgres)
    settings = Settings(_env_file=home.recsys_env)  # type: ignore[call-arg]
    assert settings.database_url.get_secret_value() == postgres.url("recsys", "recsys_pipeline")
    assert settings.drops == str(home.drops)
    assert settings.mlflow_tracking_uri == home.url("mlflow")


def test_serve_prints_the_address_of_the_stacks_own_api(home: Home, postgres: Postgres) -> None:
    write_environment(home, postgres)
    environment = {name: text for name, text in os.environ.items() if "RECSYS_" not in name}
    shown = subprocess.run(
        [str(BIN / "python"), "-m", "recsys", "serve", "--url"],
        env=environment | {"RECSYS_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == f"{home.url('api')}\n"


def test_every_recsys_variable_is_a_setting(home: Home, postgres: Postgres) -> None:
    given = {name for name in recsys_environment(home, postgres) if name.startswith("RECSYS_")}
    assert given <= {f"RECSYS_{name.upper()}" for name in Settings.model_fields}


def test_airflow_command_runs_with_the_stacks_environment(
    home: Home, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = home.root / "bin" / "airflow"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$AIRFLOW_HOME|$AIRFLOW_CONN_RECSYS_DB|$1"\n')
    program.chmod(0o700)
    monkeypatch.setattr("stack.environment.BIN", program.parent)
    write_environment(home, postgres)
    output = subprocess.run(
        [str(home.airflow_command), "two words"], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == f"{home.airflow}|{postgres.url()}|two words"


def test_no_secret_is_on_a_command_line(home: Home, postgres: Postgres) -> None:
    stack = Stack(home)
    words = " ".join(word for service in stack.services for word in service.command)
    secrets = [*home.record["secrets"].values(), *stack.postgres.record["passwords"].values()]
    assert not [secret for secret in secrets if secret in words]


def test_airflow_gets_its_real_port_dags_and_plugins(home: Home, postgres: Postgres) -> None:
    environment = airflow_environment(home, postgres)
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == (
        f"http://127.0.0.1:{home.port('airflow')}/execution/"
    )
    assert (Path(environment["AIRFLOW__CORE__DAGS_FOLDER"]) / "weekly_recommendations.py").is_file()
    assert (Path(environment["AIRFLOW__CORE__PLUGINS_FOLDER"]) / "recsys_airflow").is_dir()
    assert (Path(environment["PYTHONPATH"]) / "recsys").is_dir()
    assert (BIN / "airflow").exists()


def test_a_port_that_was_asked_for_must_be_free(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        monkeypatch.setenv("MLFLOW_PORT", str(port))
        with pytest.raises(StackError, match=f"port {port}, asked for mlflow"):
            Stack(home)._settle_ports()


def test_a_port_that_is_asked_for_later_replaces_the_one_that_was_chosen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(home)
    assert stack.airflow[0].environment["AIRFLOW__API__PORT"] == str(home.port("airflow"))
    port = free_port()
    monkeypatch.setenv("AIRFLOW_PORT", str(port))
    stack._settle_ports()
    assert home.port("airflow") == port
    assert stack.airflow[0].environment["AIRFLOW__API__PORT"] == str(port)


def test_a_folder_of_somebody_else_is_not_the_stacks(tmp_path: Path, home: Home) -> None:
    assert home.is_ours
    assert not Home(tmp_path).is_ours


@pytest.fixture
def running(home: Home) -> Iterator[Stack]:
    """A stack of which PostgreSQL alone runs."""
    stack = Stack(home)
    stack.postgres.start()
    yield stack
    stack.postgres.remove()


def test_status_says_where_to_look_and_where_the_login_is_but_no_password(
    running: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(running.home.root))
    monkeypatch.setattr(launcher, "console", Console(width=250))
    launcher.status(argparse.Namespace())
    output = capsys.readouterr().out
    assert f"127.0.0.1:{running.postgres.port}" in output
    assert str(running.home.root / "stack.json") in output
    assert str(running.home.root / "postgres.json") in output
    assert str(running.home.api_key) in output
    secrets = [
        *running.home.record["secrets"].values(),
        *running.postgres.record["passwords"].values(),
    ]
    assert not [secret for secret in secrets if secret in output]


def test_status_shows_the_address_of_each_page_that_runs(
    running: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = psutil.Process()
    monkeypatch.setattr(Service, "main_process", lambda self, home: process)
    table = launcher.status_table(running)
    addresses = list(table.columns[3].cells)
    assert running.home.url("mlflow") in addresses
    assert running.home.url("airflow") in addresses
