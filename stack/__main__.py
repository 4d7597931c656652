"""Run the whole product on this machine: PostgreSQL, MLflow, Airflow; all state in .recsys, or in
RECSYS_HOME.
"""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from rich.table import Table

from recsys.arguments import WEEKS
from recsys.settings import BETWEEN_NAMES
from recsys.terminal import log_to, run_command, say, terminal
from stack.compose_env import write_compose_env
from stack.demo import demo
from stack.environment import ADMIN
from stack.errors import StackError
from stack.home import REPOSITORY, Home
from stack.postgres import Postgres
from stack.replay import Replay, replay_home, replay_weeks
from stack.schema import SCHEMA, new_schema_text
from stack.service import Service
from stack.services import Stack

console = terminal()
errors = terminal(stderr=True)


YES_NO = {True: "yes", False: "no"}
STOPPED = ("-", "no", "-")
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""

    def command() -> None:
        chosen = parser().parse_args(arguments)
        if "RECSYS_LOG_LEVEL" in os.environ:  # else a replay logs to a file, the rest not at all
            log_to(errors)
        chosen.run(chosen)

    return run_command(command, console, errors)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = top.add_subparsers(required=True)
    add(commands, up, "start what does not run, wait until it is healthy, say where it is")
    add(commands, down, "stop everything")
    add(commands, status, "what runs")
    add(commands, remove, "stop everything and delete its state")
    add(commands, env, "write .env for docker-compose.yaml, with new random passwords")
    add(commands, schema, "write sql/schema.sql: the whole schema, as its files make it")
    add_demo(commands)
    add_replay(commands)
    return top


def add(commands: Commands, run: Callable[[argparse.Namespace], None], text: str) -> None:
    """Add a command that has no options."""
    add_command(commands, run.__name__, text).set_defaults(run=run)


def add_command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """Add a command that says what it does."""
    return commands.add_parser(name, help=text, description=text)


def add_demo(commands: Commands) -> None:
    text = (
        "put drops into the landing zone, run three weeks through the scheduler, show "
        "recommendations"
    )
    demo = add_command(commands, "demo", text)
    add_paths(demo, "--movielens", "a MovieLens release as published: folder, zip, or its name")
    demo.set_defaults(run=run_demo)


def add_replay(commands: Commands) -> None:
    text = (
        "run the last weeks of a data set one after another, without the scheduler, and draw a "
        "page on them"
    )
    replay = add_command(commands, "replay", text)
    add_paths(replay, "--from", "a MovieLens release, folder or zip")
    replay.add_argument("--weeks", type=WEEKS, default=26, help="weekly runs (default 26)")
    text = "who competes; default: all"
    replay.add_argument("--recipes", type=names_of, default=(), metavar="RECIPE,…", help=text)
    replay.set_defaults(run=run_replay)


def add_paths(command: argparse.ArgumentParser, option: str, text: str) -> None:
    """Add the options that say where the data set is."""
    add_path(command, option, "movielens", text)
    add_path(command, "--imdb", "imdb", "a folder with IMDb's TSVs")


def add_path(command: argparse.ArgumentParser, option: str, name: str, text: str) -> None:
    """Add an option that names a file or folder."""
    command.add_argument(option, dest=name, type=_path, metavar="PATH", help=text)


def _path(text: str) -> Path | None:
    """The Makefile passes an empty text where the user gave nothing."""
    return Path(text).expanduser() if text else None


def names_of(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in BETWEEN_NAMES.split(text) if name.strip())


def up(_: argparse.Namespace) -> None:
    stack = Stack(Home.chosen())
    stack.up(lambda what: say(console, f"starting {what} …", style="dim"))
    show_places(stack)


def down(_: argparse.Namespace) -> None:
    Stack(Home.chosen()).down()
    say(console, "stopped")


def remove(_: argparse.Namespace) -> None:
    home = Home.chosen()
    if home.root.exists():
        if not home.is_ours:
            raise StackError(f"{home.root} holds no state of this stack: nothing is deleted")
        Stack(home).remove()
        shutil.rmtree(home.root)
    say(console, f"removed {home.root}")


def status(_: argparse.Namespace) -> None:
    stack = Stack(Home.chosen())
    if not stack.home.root.exists():
        say(console, f"nothing was ever started in {stack.home.root}")
        return
    console.print(status_table(stack))
    say(console, login_place(stack.home))


def status_table(stack: Stack) -> Table:
    """Return a line a service: whether it runs and is healthy, its address, its log."""
    table = Table("service", "process", "healthy")
    for column in ("address", "log"):
        table.add_column(column, overflow="fold")
    table.add_row("postgres", *postgres_state(stack.postgres), str(stack.postgres.log))
    for service in stack.services:
        state = state_of(stack.home, service)
        table.add_row(service.name, *state, str(stack.home.log(service.name)))
    return table


def postgres_state(postgres: Postgres) -> tuple[str, str, str]:
    """Return whether PostgreSQL runs and is healthy, and its address."""
    if postgres.is_running():
        return "runs", "yes", f"127.0.0.1:{postgres.port}"
    return STOPPED


def state_of(home: Home, service: Service) -> tuple[str, str, str]:
    """Return a service's process, whether it is healthy, and its address."""
    process = service.main_process(home)
    if process is None:
        return STOPPED
    addresses = {
        "mlflow": home.url("mlflow"),
        "api-server": home.url("airflow"),
        "api": home.url("api"),
    }
    return str(process.pid), YES_NO[service.healthy()], addresses.get(service.name, "")


def login_place(home: Home) -> str:
    """Where the generated login is kept: a terminal that others see need not show it."""
    return (
        f"Airflow (api-server) and MLflow: login {ADMIN}, with the passwords airflow_admin and "
        f"mlflow_admin in {home.root / 'stack.json'}; the API's key: {home.api_key}; the "
        f"database's roles: {home.root / 'postgres.json'}"
    )


def run_demo(chosen: argparse.Namespace) -> None:
    stack = Stack(Home.chosen())
    demo(stack, console, chosen.movielens, chosen.imdb)
    show_places(stack)


def run_replay(chosen: argparse.Namespace) -> None:
    if chosen.movielens is None:
        raise StackError("FROM is needed: a MovieLens release as published, folder or zip")
    chosen_replay = Replay(chosen.movielens, chosen.imdb, chosen.weeks, chosen.recipes)
    try:
        page = replay_weeks(replay_home(), console, chosen_replay)
    except KeyboardInterrupt:
        say(console, "\nstopped; the same command goes on from here")
        sys.exit(130)
    say(console, f"\nthe weeks on one page: {page}")


def env(_: argparse.Namespace) -> None:
    path = REPOSITORY / ".env"
    write_compose_env(path)
    say(console, f"wrote {path}")


def schema(_: argparse.Namespace) -> None:
    SCHEMA.write_text(new_schema_text())
    say(console, f"wrote {SCHEMA}")


def show_places(stack: Stack) -> None:
    """Where the user interfaces are, and the generated login."""
    say(console, "\nUp until `make down`:")
    show_place(stack.home, "Airflow", "airflow")
    show_place(stack.home, "MLflow", "mlflow")
    show_api(stack.home)
    address = f"127.0.0.1:{stack.postgres.port}"
    say(console, f"  PostgreSQL  {address}   .venv/bin/python -m recsys psql")


def show_api(home: Home) -> None:
    """Print the API's address, where its key lies, and a line to try it by."""
    url = home.url("api")
    key = shown(home.api_key)
    say(console, f"  {'API, pages':10}  {url}   key in {key}")
    header = f"Authorization: Bearer $(cat {shlex.quote(key)})"
    say(console, f'$ curl -H "{header}" {url}/v1/users/1/recommendations')


def shown(path: Path) -> str:
    """Return a path as one types it in the present folder."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def show_place(home: Home, name: str, service: str) -> None:
    """Print a service's address and login."""
    login = f"{ADMIN} / {home.secret(f'{service}_admin')}"
    say(console, f"  {name:10}  {home.url(service)}   login {login}")


if __name__ == "__main__":
    sys.exit(main())
