"""What `python -m bench.speed` does once the server runs."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape

from bench.harness.command import Meter, console_of, print_outcome, print_pictures
from bench.harness.journal import Journal
from bench.speed.databases import Databases
from bench.speed.ground import Ground
from bench.speed.measurement import Measurement
from bench.speed.measuring import Listener, Row, rows_of
from bench.speed.plots import draw
from bench.speed.scale import Scale
from bench.speed.stages import FITS, STAGES, stage_class
from bench.speed.stages.base import Stage
from bench.speed.table import table_of
from bench.speed.verdict import verdicts_of

WIDTH = 170  # of the table
UNDECIDED = "The targets are those of 20m: at this scale they are shown and do not decide."


def run(scale: Scale, chosen: argparse.Namespace, databases: Databases, home: Path) -> int:
    """Measure the chosen stages, print and draw; return the exit status."""
    console = console_of(WIDTH)
    ground = Ground(home / "speed", scale, databases, imdb=home / "imdb")
    ground.drop_outdated()
    stages = [stage_class(name)(ground) for name in (*STAGES, *FITS) if name in chosen.only]
    journal = Journal(home / "speed.jsonl", Measurement)
    rows = measure(stages, chosen.repeats, journal, console)
    console.print(table_of(scale, rows))
    print_pictures(console, draw(journal, list(STAGES), home))
    return judge(rows, scale, console)


def measure(
    stages: Sequence[Stage], rounds: int, journal: Journal[Measurement], console: Console
) -> list[Row]:
    with Meter(console, len(stages)) as meter:

        def end(stage: Stage, measurement: Measurement, made_now: bool) -> None:
            seconds = measurement.seconds[stage.ours]
            line = f"{stage.name}: {median(seconds):.3f} s"
            meter.show(line, f"{len(seconds)} rounds", measurement, made_now=made_now)

        return rows_of(
            stages, rounds, journal, Listener(lambda stage: meter.begin(stage.name), end)
        )


def judge(rows: Sequence[Row], scale: Scale, console: Console) -> int:
    """Print what failed and how many targets are met; return the exit status."""
    failed = [row for row in rows if row.failed and not row.stage.lacks()]
    for row in failed:
        console.print(f"[red]{row.stage.name} failed:[/] {escape(row.failed)}")
    met = [verdict.met for row in rows for verdict in verdicts_of(row)]
    status = int(bool(failed) or (scale.decides and not all(met)))
    print_outcome(console, met, status)
    if not scale.decides:
        console.print(f"[dim]{UNDECIDED}[/]")
    return status
