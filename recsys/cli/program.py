"""The program: its parser, and how a command is run."""

from argparse import ArgumentParser

from dotenv import load_dotenv

from recsys.cli import (
    compare,
    database,
    keys,
    lists,
    models,
    past,
    removal,
    screen,
    serve,
    undo,
    week,
)
from recsys.drops.cli import add_drops_command
from recsys.settings import HOME, Settings
from recsys.terminal import log_to, run_command

__all__ = ["main", "parser"]

GROUPS = (week, models, compare, past, lists, undo, database, removal, serve, keys)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(lambda: _command(arguments), screen.console, screen.errors)


def parser() -> ArgumentParser:
    """Return the parser of all commands."""
    program = ArgumentParser(
        prog="python -m recsys", description="The weekly movie recommender, from a terminal."
    )
    commands = program.add_subparsers(required=True, metavar="COMMAND")
    add_drops_command(commands)
    for group in GROUPS:
        for command in group.COMMANDS:
            command.add_to(commands)
    return program


def _command(arguments: list[str] | None) -> int | None:
    options = parser().parse_args(arguments)
    load_dotenv(HOME / "recsys.env")  # also what MLflow's own client reads: its login
    log_to(screen.errors)
    if options.needs_schema:
        check_schema()
    return options.run(options)


def check_schema() -> None:
    """Raise RecsysError where the database is not migrated to this code."""
    from recsys.db import migrate
    from recsys.db.connect import connect

    with connect(Settings.from_environment()) as conn:
        migrate.check_schema(conn)
