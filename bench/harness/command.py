"""What both commands read and print."""

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.harness.journal import Keyed

#: Where measurements, pictures, fits and generated data are kept.
HOME = Path(".bench")


def console_of(width: int) -> Console:
    """Return the console; in a pipe it has this width, not eighty columns."""
    return Console(width=None if sys.stdout.isatty() else width)


def add_only(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Add the option --only; without a value it means all names."""
    parser.add_argument(
        "--only",
        type=names_of,
        default=list(names),
        help=f"comma-separated, of {', '.join(names)}",
    )


def names_of(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def check_only(
    parser: argparse.ArgumentParser, kind: str, only: Sequence[str], names: Collection[str]
) -> list[str]:
    """Return the chosen names, all where none is chosen; exit with a sentence on an unknown one."""
    unknown = sorted(set(only) - set(names))
    if unknown:
        parser.error(f"no {kind} {', '.join(unknown)}; there are {', '.join(names)}")
    return list(only or names)


class Meter:
    """A progress bar on stderr, and a line on the console for each measurement."""

    def __init__(self, console: Console, total: int) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        self.console = console
        self.progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
        self.task = self.progress.add_task("measuring", total=total)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def begin(self, name: str) -> None:
        self.progress.update(self.task, description=name)

    def show(self, line: str, cost: str, measurement: Keyed, *, made_now: bool) -> None:
        """Print a measurement, with what it cost now or when it was made."""
        origin = cost if made_now else f"kept from {measurement.measured_at}"
        self.console.print(f"{line} ({origin})", highlight=False)
        self.progress.advance(self.task)


def print_pictures(console: Console, paths: Sequence[Path]) -> None:
    for path in paths:
        console.print(f"drawn: {path}", markup=False)


def print_outcome(console: Console, verdicts: Sequence[bool], status: int) -> None:
    """Print how many targets are met, and the exit status unless it is 0."""
    outcome = f"{sum(verdicts)} of {len(verdicts)} targets met"
    console.print(f"{outcome}; exit status 1" if status else outcome)
