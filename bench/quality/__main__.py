"""`python -m bench.quality DATA`: measure, print the table, exit with 1 while a target is
missed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape

from bench.harness.command import (
    HOME,
    Meter,
    add_only,
    check_only,
    console_of,
    names_of,
    print_outcome,
    print_pictures,
)
from bench.harness.journal import Journal
from bench.quality.contenders import contenders
from bench.quality.fits import Fits
from bench.quality.measurement import Measurement
from bench.quality.measuring import Job, Row, jobs_of, rows_of
from bench.quality.plots import draw
from bench.quality.protocols import PROTOCOLS
from bench.quality.protocols.base import WHERE, Protocol
from bench.quality.published import TARGETS
from bench.quality.table import number, table_of
from bench.quality.tracking import Tracking
from bench.quality.verdict import Verdict, judge
from recsys.registry.compute import compute_of
from recsys.settings import Settings
from recsys.terminal import show_in_any_encoding

WIDTH = 190  # of the table


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """Return 0 where every target of the chosen protocols is met, else 1."""
    chosen = parse_arguments(argv)
    console = console_of(WIDTH)
    settings = settings_in(home)
    protocols = protocols_of(chosen, home, settings)
    for protocol in protocols:
        print_missing(console, protocol)
    journal = Journal(home / "quality.jsonl", Measurement)
    tracking = Tracking(settings.mlflow_tracking_uri)
    rows = measure(all_jobs(protocols, chosen.recipes), journal, tracking, console)
    verdicts = [judge(target, rows) for target in TARGETS if target.protocol in chosen.only]
    print_table(console, protocols, rows, verdicts)
    print_pictures(console, draw(rows, home))
    return print_status(console, verdicts)


def protocols_of(chosen: argparse.Namespace, home: Path, settings: Settings) -> list[Protocol]:
    fits = Fits(home / "fits", lambda seed: compute_of(settings, seed=seed))
    return [kind(chosen.data, fits) for name, kind in PROTOCOLS.items() if name in chosen.only]


def print_table(
    console: Console,
    protocols: Sequence[Protocol],
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
) -> None:
    """Print the table, and what each protocol's name means."""
    console.print(table_of(protocols, rows, verdicts))
    for protocol in protocols:
        console.print(f"{protocol.name}: {protocol.title}", style="dim")


def print_status(console: Console, verdicts: Sequence[Verdict]) -> int:
    """Print how many targets are met; return the exit status."""
    met = [verdict.met for verdict in verdicts]
    status = int(not all(met))
    print_outcome(console, met, status)
    return status


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    folders = ", ".join(WHERE)
    parser.add_argument("data", type=Path, help=f"folder with some of {folders}")
    add_only(parser, PROTOCOLS)
    labels = "labels of the table's rows, comma-separated; empty: all"
    parser.add_argument("--recipes", type=names_of, default=[], help=labels)
    chosen = parser.parse_args(argv)
    chosen.only = check_only(parser, "protocol", chosen.only, PROTOCOLS)
    if not chosen.data.is_dir():
        parser.error(f"no folder {chosen.data}; expected one with some of {folders}")
    return chosen


def settings_in(home: Path) -> Settings:
    """Return the environment's settings, without a database and without the running stack:
    measurements are kept in `home`.
    """
    home.mkdir(parents=True, exist_ok=True)
    settings = {"database_url": SecretStr("postgresql://not-used")}
    if "RECSYS_MLFLOW_TRACKING_URI" not in os.environ:
        settings["mlflow_tracking_uri"] = f"sqlite:///{home.resolve()}/mlflow.db"  # pyright: ignore
    return Settings(_env_file=None, **settings)  # pyright: ignore


def print_missing(console: Console, protocol: Protocol) -> None:
    """Print what a protocol lacks and where it can be had."""
    if not protocol.missing():
        return
    data = escape(str(protocol.data))
    console.print(f"[yellow]{protocol.name} is not measured.[/] It needs in {data}:")
    for path in protocol.missing():
        console.print(f"  {path}", highlight=False, markup=False)
    for folder in protocol.missing_folders():
        console.print(f"  {folder}: from {WHERE[folder]}", highlight=False)


def all_jobs(protocols: Sequence[Protocol], labels: Sequence[str]) -> list[Job]:
    """Return the jobs of the protocols that lack nothing, for the contenders of these labels; none:
    for all.
    """
    jobs = []
    for protocol in protocols:
        if not protocol.missing():
            everyone = contenders(protocol.name)
            chosen = [each for each in everyone if not labels or each.label in labels]
            jobs += jobs_of(protocol, chosen)
    return jobs


def measure(
    jobs: Sequence[Job], journal: Journal[Measurement], tracking: Tracking, console: Console
) -> list[Row]:
    with Meter(console, len(jobs)) as meter:

        def on_measured(job: Job, measurement: Measurement, made_now: bool) -> None:
            if made_now:
                tracking.log(measurement)
            cost = f"{measurement.seconds:.1f} s"
            meter.show(line_of(job, measurement), cost, measurement, made_now=made_now)

        return rows_of(jobs, journal, on_measured)


def line_of(job: Job, measurement: Measurement) -> str:
    who = f"{measurement.protocol}, {job.contender.label}, seed {measurement.seed}"
    return f"{who}: {headline(job.protocol, measurement)}"


def headline(protocol: Protocol, measurement: Measurement) -> str:
    metrics = measurement.metrics
    return " / ".join(f"{name} {number(metrics[name])}" for name in protocol.metrics)


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
