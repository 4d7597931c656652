"""`python -m bench.serving`: serve a published week, measure what readers get, print the tables;
exit with 1 while a target is missed.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bench.harness.command import HOME, console_of, print_outcome
from bench.serving.figures import Figure, table_of
from bench.speed.databases import Databases
from bench.speed.scale import SCALES
from recsys.terminal import show_in_any_encoding
from stack.postgres import Postgres
from stack.replay import UNSEEN

API = ["-m", "recsys", "serve", "--port", "PORT", "--workers", "1"]
HANDLER = ["-m", "uvicorn", "bench.serving.handler:app", "--port", "PORT", "--no-access-log"]


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """Return 0 where every target was met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--scale", default="1m", choices=SCALES, help="how many ratings")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each load")
    chosen = parser.parse_args(argv)
    os.environ |= UNSEEN  # before MLflow is imported
    postgres = Postgres(home / "speed")
    postgres.start()
    try:
        figures = list(measure(chosen, home, Databases(postgres), console_of(120)))
    finally:
        postgres.stop()
    verdicts = [figure.met for figure in figures if figure.met is not None]
    status = 0 if all(verdicts) else 1
    print_outcome(console_of(120), verdicts, status)
    return status


def measure(
    chosen: argparse.Namespace, home: Path, databases: Databases, console: Console
) -> Iterator[Figure]:
    """Yield all figures, and print each measurement as soon as it is made."""
    from bench.serving.measurements import Bench
    from bench.serving.memory import memory
    from bench.serving.processes import server
    from bench.serving.world import published_world
    from bench.speed.ground import Ground

    log = str(home / "serving.log")
    ground = Ground(home / "speed", SCALES[chosen.scale], databases, imdb=home / "imdb")
    with (
        published_world(ground) as world,
        server(API, world.environment, "/healthz", log) as url,
        server(HANDLER, world.environment, "/openapi.json", log) as handler,
    ):
        bench = Bench(world, url, world.new_key(), chosen.seconds)
        console.print(f"{len(world.user_ids):,} users of {chosen.scale}; the server's log: {log}")
        parts = {
            "a user's list": bench.latency,
            "one worker": lambda: bench.throughput(handler),
            "nothing new": bench.not_modified,
            "filters": bench.filtered,
            "the champion asked": bench.for_ratings,
            "memory": lambda: memory(world, log),
            "while what is live changes": bench.through_changes,
        }
        for title, part in parts.items():
            figures = part()
            console.print(table_of(title, figures))
            yield from figures


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
