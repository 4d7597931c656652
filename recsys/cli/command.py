"""A command as data: its name, its function and its arguments."""

from argparse import ArgumentParser, _ActionsContainer, _SubParsersAction
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getuser
from typing import Any, TypeAlias

from recsys.arguments import DAY

__all__ = [
    "AS_OF",
    "Argument",
    "Command",
    "CommandGroup",
    "Commands",
    "OneOf",
    "all_of",
    "run_id_of_command",
]

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


class Argument:
    """An argument: its names and what argparse's `add_argument` takes."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.names = names
        self.options = options

    def add_to(self, parser: _ActionsContainer) -> None:
        """Add it to a parser, or to a group of one."""
        parser.add_argument(*self.names, **self.options)


class OneOf:
    """Arguments of which at most one may be given; with `required`, exactly one."""

    def __init__(self, *arguments: Argument, required: bool = False) -> None:
        self.arguments = arguments
        self.required = required

    def add_to(self, parser: ArgumentParser) -> None:
        """Add them to a parser."""
        group = parser.add_mutually_exclusive_group(required=self.required)
        for argument in self.arguments:
            argument.add_to(group)


@dataclass(frozen=True)
class Command:
    """A command. `run` takes the options; it returns the exit status, or None for success."""

    name: str
    run: Callable[..., int | None]
    text: str
    arguments: tuple[Argument | OneOf, ...] = ()
    needs_schema: bool = True

    def add_to(self, commands: Commands) -> None:
        """Add it to the program's commands."""
        parser = commands.add_parser(self.name, help=self.text, description=self.text)
        parser.set_defaults(run=self.run, needs_schema=self.needs_schema)
        for argument in self.arguments:
            argument.add_to(parser)


@dataclass(frozen=True)
class CommandGroup:
    """Commands under one name, such as `keys create` and `keys list`."""

    name: str
    text: str
    commands: tuple[Command, ...]

    def add_to(self, commands: Commands) -> None:
        """Add it to the program's commands."""
        parser = commands.add_parser(self.name, help=self.text, description=self.text)
        inner = parser.add_subparsers(required=True, metavar="ACTION")
        for command in self.commands:
            command.add_to(inner)


#: The date of a week whose drops are there.
AS_OF = Argument(
    "--as-of",
    type=DAY,
    metavar="DATE",
    help="the newest week up to it that has its drops; default: of all",
)


def all_of(text: str) -> Argument:
    """Return `--all`, the one word by which a command shows what its table leaves out."""
    return Argument("--all", action="store_true", help=text)


def run_id_of_command() -> str:
    """Return an id of this command alone: a run decides a week anew once."""
    return f"{getuser()} at a terminal, {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
