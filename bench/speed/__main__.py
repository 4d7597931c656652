"""`python -m bench.speed --scale 20m`: measure, print the table, draw; exit with 1 while a target
is missed at 20m.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.speed.databases import Databases
from bench.speed.journal import Journal, Measurement
from bench.speed.scale import DELTAS, SCALES, Scale
from bench.speed.stages import STAGES, stage_class
from recsys.terminal import show_in_any_encoding
from stack.postgres import Postgres
from stack.replay import UNSEEN

#: Where measurements, the picture, generated data and the server's own state are kept.
HOME = Path(".bench")
#: The table is no use in eighty columns, which a pipe is taken to have.
WIDTH = 170


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """0 where every stage asked for was measured and, at a scale that decides, met its targets;
    else 1.
    """
    asked = _arguments(argv)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    os.environ |= UNSEEN  # before MLflow is imported
    postgres = Postgres(home / "speed")
    if asked.remove:
        postgres.remove()
        return 0
    postgres.start()
    logging.basicConfig(
        filename=home / "speed" / "speed.log", format="%(asctime)s %(name)s: %(message)s"
    )
    try:
        return _bench(asked, Databases(postgres), home, console)
    finally:
        postgres.stop()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--scale", default="1m", help=f"one of {', '.join(SCALES)}")
    parser.add_argument(
        "--only", type=_names, default=list(STAGES), help=f"comma-separated, of {', '.join(STAGES)}"
    )
    parser.add_argument(
        "--repeats", type=int, default=DELTAS, help=f"rounds of each stage, from 1 to {DELTAS}"
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="delete the server's data; generated files and measurements stay",
    )
    asked = parser.parse_args(argv)
    asked.only = asked.only or list(STAGES)
    if asked.scale not in SCALES:
        parser.error(f"no scale {asked.scale}; there are {', '.join(SCALES)}")
    if unknown := sorted(set(asked.only) - set(STAGES)):
        parser.error(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    if not 1 <= asked.repeats <= DELTAS:
        parser.error(
            f"{asked.repeats} repeats; expected 1 to {DELTAS}: there are as many weekly drops"
        )
    return asked


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _bench(asked: argparse.Namespace, databases: Databases, home: Path, console: Console) -> int:
    from bench.speed.ground import Ground
    from bench.speed.measuring import Row, rows_of
    from bench.speed.plots import draw
    from bench.speed.table import table_of
    from bench.speed.verdict import missed, verdicts_of

    scale: Scale = SCALES[asked.scale]
    ground = Ground(home / "speed", scale, databases, imdb=home / "imdb")
    ground.drop_outdated()
    journal = Journal(home / "speed.jsonl")
    stages = [stage_class(name)(ground) for name in STAGES if name in asked.only]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("measuring", total=len(stages))

        def told(stage, found: Measurement | None, what: str) -> None:
            if found is None:
                progress.update(task, description=stage.name)
                return
            how = (
                f"kept from {found.measured_at}"
                if what == "kept"
                else (f"{len(found.seconds[stage.ours])} rounds")
            )
            console.print(
                f"{stage.name}: {median(found.seconds[stage.ours]):.3f} s ({how})", highlight=False
            )
            progress.advance(task)

        rows: list[Row] = rows_of(stages, asked.repeats, journal, told)
    console.print(table_of(scale, rows))
    for path in draw(journal, list(STAGES), home):
        console.print(f"drawn: {path}", markup=False)
    verdicts = [verdict for row in rows for verdict in verdicts_of(row)]
    short, failed = missed(verdicts), [row for row in rows if row.failed and not row.stage.lacks()]
    for row in failed:
        console.print(f"[red]{row.stage.name} failed:[/] {escape(row.failed)}")
    status = int(bool(failed) or (scale.decides and bool(short)))
    console.print(
        f"{len(verdicts) - len(short)} of {len(verdicts)} targets met" + "; exit status 1" * status
    )
    if not scale.decides:
        console.print(
            "The targets are those of 20m: at this scale they are told and do not decide.",
            style="dim",
        )
    return status


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
