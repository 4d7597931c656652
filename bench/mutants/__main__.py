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
from collections.abc import Mapping, Sequence
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
_WIDTH = 130
_SHOWN = 1_500  # characters of what went wrong


def main(argv: Sequence[str] | None = None) -> int:
    """0 where every mutant ended as it should, else 1."""
    options = parse_options(argv)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    folder = Path(tempfile.mkdtemp(prefix="recsys-mutants-"))
    postgres = Postgres(folder / "postgres", durable=False)
    try:
        postgres.start()
        releases = (
            {"real": release_in(options.release)}
            if options.release
            else generated_releases(folder / "world")
        )
        numbers = range(options.count) if options.only is None else [options.only]
        outcomes = run(
            Laboratory(postgres, folder, releases), numbers, options.seed, releases, console
        )
    finally:
        postgres.remove()
        shutil.rmtree(folder)
    return report(outcomes, options.seed, options.release, console)


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=COUNT, help=f"how many mutants (default {COUNT})"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help=f"of all their dice (default {SEED})"
    )
    parser.add_argument("--only", type=int, metavar="N", help="mutant N of that seed alone")
    parser.add_argument(
        "--from",
        dest="release",
        type=Path,
        metavar="FOLDER",
        help="mutants of this MovieLens release instead",
    )
    options = parser.parse_args(argv)
    if options.count < 1:
        parser.error(f"a count of {options.count}; expected at least 1")
    if options.only is not None and options.only < 0:
        parser.error(f"mutant {options.only}; expected 0 or more")
    if options.release is not None:
        try:
            release_in(options.release)
        except (OSError, ValueError) as error:
            parser.error(f"{error}; expected a folder with a MovieLens release as published")
    return options


def run(
    laboratory: Laboratory,
    numbers: Sequence[int],
    seed: int,
    releases: Mapping[str, Release],
    console: Console,
) -> dict[int, tuple[Mutant, Outcome]]:
    """Take these mutants in, showing each that ends badly as soon as it has."""
    outcomes: dict[int, tuple[Mutant, Outcome]] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    try:
        laboratory.prepare()
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("mutants", total=len(numbers))
            for number in numbers:
                mutant = make_mutant(number, seed, releases)
                outcome = laboratory.outcome(mutant)
                outcomes[number] = (mutant, outcome)
                progress.advance(bar)
                if not outcome.is_good:
                    progress.console.print(
                        f"[red]{outcome.kind}[/]: {escape(str(mutant))}", highlight=False
                    )
                    progress.console.print(escape(outcome.detail[-_SHOWN:]), highlight=False)
    finally:
        laboratory.close()
    return outcomes


def report(
    outcomes: Mapping[int, tuple[Mutant, Outcome]],
    seed: int,
    release: Path | None,
    console: Console,
) -> int:
    """Print the table of outcomes and what to run to see a bad one again; return the exit
    status.
    """
    show = partial(console.print, highlight=False, soft_wrap=True)
    console.print(table_of(outcomes, seed))
    slowest = max(outcomes, key=lambda number: outcomes[number][1].seconds)
    show(f"The slowest is number {slowest}: {outcomes[slowest][1].seconds:.1f} s.")
    bad = [number for number, (_, outcome) in outcomes.items() if not outcome.is_good]
    if not bad:
        show(f"{len(outcomes)} of {len(outcomes)} ended as they should.")
        return 0
    show(f"{len(bad)} of {len(outcomes)} ended otherwise; exit status 1. To see one again:")
    source = f" --from {release}" if release else ""
    for number in bad[:20]:
        show(f"  python -m bench.mutants --seed {seed} --only {number}{source}")
    return 1


def table_of(outcomes: Mapping[int, tuple[Mutant, Outcome]], seed: int) -> Table:
    """How many mutants of each layout ended in which way; ways that are faults in red."""
    counts = Counter((outcome.kind, mutant.layout) for mutant, outcome in outcomes.values())
    layouts = sorted({layout for _, layout in counts})
    kinds = sorted({kind for kind, _ in counts}, key=lambda kind: (kind not in GOOD, kind))
    table = Table("outcome", *layouts, "all", title=f"{len(outcomes)} mutants of seed {seed}")
    for kind in kinds:
        numbers = [counts[(kind, layout)] for layout in layouts]
        cells = [str(number) for number in (*numbers, sum(numbers))]
        table.add_row(kind, *cells, style="" if kind in GOOD else "red")
    return table


if __name__ == "__main__":
    show_in_any_encoding()
    # so that the server is stopped all the same
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
