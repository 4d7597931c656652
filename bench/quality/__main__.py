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
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.quality.contenders import contenders
from bench.quality.fits import Fits
from bench.quality.journal import Journal, Measurement
from bench.quality.measuring import Job, Row, jobs_of, rows_of
from bench.quality.plots import draw
from bench.quality.protocols import PROTOCOLS
from bench.quality.protocols.base import WHERE, Protocol
from bench.quality.published import TARGETS
from bench.quality.table import number, table_of
from bench.quality.tracking import Tracking
from bench.quality.verdict import judge
from recsys.registry.compute import compute_of
from recsys.settings import Settings
from recsys.terminal import show_in_any_encoding

#: Where measurements, fits and pictures are kept.
HOME = Path(".bench")
#: The table is no use in eighty columns, which a pipe is taken to have.
WIDTH = 190


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """0 where every target of the protocols asked for is met, else 1."""
    asked = _arguments(argv)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    settings = _settings(home)
    fits = Fits(home / "fits", lambda seed: compute_of(settings, seed=seed))
    protocols = [PROTOCOLS[name](asked.data, fits) for name in PROTOCOLS if name in asked.only]
    absent = {
        protocol.name: _tell_missing(console, protocol, missing)
        for protocol in protocols
        if (missing := protocol.missing())
    }
    jobs = [
        job
        for protocol in protocols
        if protocol.name not in absent
        for job in _jobs(protocol, asked.recipes)
    ]
    rows = _measure(jobs, Journal(home / "quality.jsonl"), settings.mlflow_tracking_uri, console)
    verdicts = [judge(target, rows) for target in TARGETS if target.protocol in asked.only]
    console.print(table_of([type(protocol) for protocol in protocols], rows, verdicts, absent))
    for protocol in protocols:
        console.print(f"{protocol.name}: {protocol.title}", style="dim")
    for path in draw(rows, home):
        console.print(f"drawn: {path}", markup=False)
    missed = [verdict for verdict in verdicts if not verdict.met]
    console.print(
        f"{len(verdicts) - len(missed)} of {len(verdicts)} targets "
        "met" + "; exit status 1" * bool(missed)
    )
    return int(bool(missed))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    folders = ", ".join(WHERE)
    parser.add_argument("data", type=Path, help=f"folder with some of {folders}")
    parser.add_argument(
        "--only",
        type=_names,
        default=list(PROTOCOLS),
        help=f"comma-separated, of {', '.join(PROTOCOLS)}",
    )
    parser.add_argument(
        "--recipes",
        type=_names,
        default=[],
        help="labels of the table's rows, comma-separated; empty: all",
    )
    asked = parser.parse_args(argv)
    asked.only = asked.only or list(PROTOCOLS)
    if unknown := sorted(set(asked.only) - set(PROTOCOLS)):
        parser.error(f"no protocol {', '.join(unknown)}; there are {', '.join(PROTOCOLS)}")
    if not asked.data.is_dir():
        parser.error(f"no folder {asked.data}; expected one with some of {folders}")
    return asked


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _settings(home: Path) -> Settings:
    """As the environment says, without a database and without the running stack: measurements are
    kept in `home`.
    """
    given = (
        {}
        if "RECSYS_MLFLOW_TRACKING_URI" in os.environ
        else {"mlflow_tracking_uri": f"sqlite:///{home.resolve()}/mlflow.db"}
    )
    home.mkdir(parents=True, exist_ok=True)
    return Settings(_env_file=None, database_url=SecretStr("postgresql://not-used"), **given)  # pyright: ignore


def _tell_missing(console: Console, protocol: Protocol, missing: list[str]) -> str:
    """Say what is needed and where it can be had; what is missing, for the table."""
    console.print(
        f"[yellow]{protocol.name} is not measured.[/] It needs in {escape(str(protocol.data))}:"
    )
    for path in missing:
        console.print(f"  {path}", highlight=False, markup=False)
    for folder in sorted({str(Path(path).parent) for path in missing}):
        console.print(f"  {folder}: from {WHERE[folder]}", highlight=False)
    return ", ".join(sorted({str(Path(path).parent) for path in missing}))


def _jobs(protocol: Protocol, labels: Sequence[str]) -> list[Job]:
    return jobs_of(
        protocol,
        [
            contender
            for contender in contenders(protocol.name)
            if not labels or contender.label in labels
        ],
    )


def _measure(
    jobs: Sequence[Job], journal: Journal, tracking_uri: str, console: Console
) -> list[Row]:
    tracking = Tracking(tracking_uri)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("measuring", total=len(jobs))

        def on_measured(job: Job, found: Measurement, made_now: bool) -> None:
            if made_now:
                tracking.log(found)
            headline = (" / ").join(
                f"{name} {number(found.metrics[name])}" for name in job.protocol.metrics
            )
            how = f"{found.seconds:.1f} s" if made_now else f"kept from {found.measured_at}"
            console.print(
                f"{found.protocol}, {job.contender.label}, seed {found.seed}: {headline} ({how})",
                highlight=False,
            )
            progress.advance(task)

        return rows_of(jobs, journal, on_measured)


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
