"""`python -m bench.mutants --count 500`: damaged drops, each taken in for real and held against an
independent parser.

Exits with 1 where one ends otherwise than taken in as that parser says, or refused with its file
and no fact.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.mutants.laboratory import Laboratory
from bench.mutants.mutant import Mutant, make_mutant
from bench.mutants.releases import Release, generated_releases, release_in
from bench.mutants.verdicts import GOOD, Outcome
from recsys.terminal import show_in_any_encoding
from stack.postgres import Postgres

COUNT, SEED = 500, 20_261
WIDTH = 130
SHOWN = 1_500  # characters of what went wrong
AGAIN = 20  # bad mutants that are named at the end

Outcomes = Mapping[int, tuple[Mutant, Outcome]]


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 where every mutant ended as it should, else 1."""
    options = parse_options(argv)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    folder = Path(tempfile.mkdtemp(prefix="recsys-mutants-"))
    postgres = Postgres(folder / "postgres", durable=False)
    try:
        postgres.start()
        outcomes = take_in_mutants(options, postgres, folder, console)
    finally:
        postgres.remove()
        shutil.rmtree(folder)
    return report(outcomes, options.seed, options.release, console)


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    integer = partial(parser.add_argument, type=int)
    integer("--count", default=COUNT, help=f"how many mutants (default {COUNT})")
    integer("--seed", default=SEED, help=f"of all their dice (default {SEED})")
    integer("--only", metavar="N", help="mutant N of that seed alone")
    release = {"dest": "release", "type": Path, "metavar": "FOLDER"}
    parser.add_argument("--from", **release, help="mutants of this MovieLens release instead")
    options = parser.parse_args(argv)
    check_options(parser, options)
    return options


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Exit with a sentence on mutants that there cannot be."""
    if options.count < 1:
        parser.error(f"a count of {options.count}; expected at least 1")
    if options.only is not None and options.only < 0:
        parser.error(f"mutant {options.only}; expected 0 or more")
    try:
        if options.release is not None:
            release_in(options.release)
    except (OSError, ValueError) as error:
        parser.error(f"{error}; expected a folder with a MovieLens release as published")


def take_in_mutants(
    options: argparse.Namespace, postgres: Postgres, folder: Path, console: Console
) -> Outcomes:
    """Return how the chosen mutants ended, by number."""
    releases = releases_of(options.release, folder / "world")
    numbers = range(options.count) if options.only is None else [options.only]
    mutants = [partial(make_mutant, number, options.seed, releases) for number in numbers]
    laboratory = Laboratory(postgres, folder, releases)
    try:
        laboratory.prepare()
        return run(laboratory, mutants, console)
    finally:
        laboratory.close()


def releases_of(release: Path | None, world: Path) -> dict[str, Release]:
    """Return the one release that was named, or generated ones in all layouts."""
    return generated_releases(world) if release is None else {"real": release_in(release)}


def run(
    laboratory: Laboratory, mutants: Sequence[Callable[[], Mutant]], console: Console
) -> Outcomes:
    """Make and take in each mutant; show one that ends badly as soon as it has."""
    outcomes: dict[int, tuple[Mutant, Outcome]] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for make in progress.track(mutants, description="mutants"):
            mutant = make()
            outcome = laboratory.outcome(mutant)
            outcomes[mutant.number] = (mutant, outcome)
            if not outcome.is_good:
                show_bad(mutant, outcome, progress.console)
    return outcomes


def show_bad(mutant: Mutant, outcome: Outcome, console: Console) -> None:
    console.print(f"[red]{outcome.kind}[/]: {escape(str(mutant))}", highlight=False)
    console.print(escape(outcome.detail[-SHOWN:]), highlight=False)


def report(outcomes: Outcomes, seed: int, release: Path | None, console: Console) -> int:
    """Print the table of outcomes and what to run to see a bad one again; return the exit
    status.
    """
    show = partial(console.print, highlight=False, soft_wrap=True)
    console.print(table_of(outcomes, seed))
    seconds, slowest = max((outcome.seconds, -number) for number, (_, outcome) in outcomes.items())
    show(f"The slowest is number {-slowest}: {seconds:.1f} s.")
    bad = [number for number, (_, outcome) in outcomes.items() if not outcome.is_good]
    if not bad:
        show(f"{len(outcomes)} of {len(outcomes)} ended as they should.")
        return 0
    show(f"{len(bad)} of {len(outcomes)} ended otherwise; exit status 1. To see one again:")
    for number in bad[:AGAIN]:
        show(f"  {command_of(number, seed, release)}")
    return 1


def command_of(number: int, seed: int, release: Path | None) -> str:
    """Return the command that takes one mutant in again."""
    source = f" --from {release}" if release else ""
    return f"python -m bench.mutants --seed {seed} --only {number}{source}"


def table_of(outcomes: Outcomes, seed: int) -> Table:
    """Return how many mutants of each layout ended in which way; ways that are faults in red."""
    counts = Counter((outcome.kind, mutant.layout) for mutant, outcome in outcomes.values())
    layouts = sorted({layout for _, layout in counts})
    table = Table("outcome", *layouts, "all", title=f"{len(outcomes)} mutants of seed {seed}")
    for kind in good_first({kind for kind, _ in counts}):
        add_row(table, kind, [counts[(kind, layout)] for layout in layouts])
    return table


def add_row(table: Table, kind: str, numbers: list[int]) -> None:
    cells = map(str, [*numbers, sum(numbers)])
    table.add_row(kind, *cells, style="" if kind in GOOD else "red")


def good_first(kinds: set[str]) -> list[str]:
    return sorted(kinds, key=lambda kind: (kind not in GOOD, kind))


if __name__ == "__main__":
    show_in_any_encoding()
    # so that the server is stopped all the same
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
