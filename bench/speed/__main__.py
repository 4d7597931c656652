"""`python -m bench.speed --scale 20m`: measure, print the table, draw; exit with 1 while a target
is missed at 20m. `--only fit-als` measures a full fit of a recipe, of any there is.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.harness.command import HOME, add_only, check_only
from bench.speed.databases import Databases
from bench.speed.scale import DELTAS, SCALES
from bench.speed.stages import FITS, STAGES
from recsys.terminal import show_in_any_encoding
from stack.postgres import Postgres
from stack.replay import UNSEEN


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """Return 0 where every chosen stage was measured and, at a scale that decides, met its targets;
    else 1.
    """
    chosen = parse_arguments(argv)
    postgres = Postgres(home / "speed")
    if chosen.remove:
        postgres.remove()
        return 0
    os.environ |= UNSEEN  # before MLflow is imported, by what run imports
    from bench.speed.run import run

    postgres.start()
    log_to(home / "speed" / "speed.log")
    try:
        return run(SCALES[chosen.scale], chosen, Databases(postgres), home)
    finally:
        postgres.stop()


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--scale", default="1m", help=f"one of {', '.join(SCALES)}")
    add_only(parser, STAGES)
    parser.add_argument(
        "--repeats", type=int, default=DELTAS, help=f"rounds of each stage, from 1 to {DELTAS}"
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="delete the server's data; generated files and measurements stay",
    )
    chosen = parser.parse_args(argv)
    check_arguments(parser, chosen)
    # a fit of every recipe takes hours at 20m: only those that are named
    chosen.only = check_only(parser, "stage", chosen.only or list(STAGES), (*STAGES, *FITS))
    return chosen


def check_arguments(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """Exit with a sentence on a scale or a number of rounds that there cannot be."""
    if chosen.scale not in SCALES:
        parser.error(f"no scale {chosen.scale}; there are {', '.join(SCALES)}")
    if not 1 <= chosen.repeats <= DELTAS:
        parser.error(
            f"{chosen.repeats} repeats; expected 1 to {DELTAS}: there are as many weekly drops"
        )


def log_to(path: Path) -> None:
    logging.basicConfig(filename=path, format="%(asctime)s %(name)s: %(message)s")


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
