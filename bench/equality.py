"""`make equality`: whether a change of the code left everything that is computed as it was.

Three weeks of generated data are replayed twice, and what they computed is compared with
`equality.json`: the arrays of each fit, the exam's scores, the decisions, the gates' figures, the
digest of each publication's rows. Other kinds of CPU give other bytes. On one, write the file by
the code before the change (`make equality RECORD=1`), then compare.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from recsys.db.queries import queries
from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from stack.home import REPOSITORY, Home
from stack.postgres import Postgres

#: The CPU's name as "cpu", and kind → rows.
Computed = dict[str, Any]

RECORD = Path(__file__).with_suffix(".json")
SEED = 20_261
WEEKS = 3
SETTINGS = {"RECSYS_THREADS": "2", "RECSYS_BOOTSTRAP_RESAMPLES": "2000"}
#: Both kinds of exam: by how many users decide, and which recipes (none named: all) compete.
REPLAYS = {"dated exams": ("4", ""), "exams of each user's newest": ("1000", "popularity,als,ease")}


def main() -> int:
    """Replay and compare; return 0 where all is equal, 1 with the first differences where not."""
    parser = argparse.ArgumentParser(prog="python -m bench.equality", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write equality.json anew instead")
    is_record = parser.parse_args().record
    with tempfile.TemporaryDirectory(prefix="recsys-equality-") as folder:
        text = json.dumps(compute(Path(folder)), indent=1, default=str)
    if is_record:
        RECORD.write_text(f"{text}\n")
        print(f"written: {RECORD}")
        return 0
    return compare(json.loads(RECORD.read_text()), json.loads(text))


def compute(folder: Path) -> Computed:
    """Return the CPU and the rows of each query, by replay and name; the weeks run by the command
    that people use, in a process of its own.
    """
    generate_movielens(folder / "movielens", users=120, movies=200, ratings=8_000, seed=SEED)
    generate_imdb(folder / "imdb", folder / "movielens", seed=SEED)
    computed: Computed = {"cpu": cpu()}
    for replay, (min_users, recipes) in REPLAYS.items():
        run_replay(folder, folder / replay, min_users, recipes)
        rows = read_home(folder / replay)
        computed |= {f"{replay}: {name}": rows[name] for name in rows}
    return computed


def run_replay(folder: Path, home: Path, min_users: str, recipes: str) -> None:
    """Replay the folder's data in a home."""
    command = [sys.executable, "-m", "stack", "replay", "--weeks", str(WEEKS), "--recipes", recipes]
    command += ["--from", str(folder / "movielens"), "--imdb", str(folder / "imdb")]
    settings = SETTINGS | {"RECSYS_HOME": str(home), "RECSYS_EXAM_MIN_USERS": min_users}
    subprocess.run(command, check=True, cwd=REPOSITORY, env=os.environ | settings)


def read_home(home: Path) -> Computed:
    """Return what a replay's database holds."""
    postgres = Postgres(Home(home).root)
    postgres.start()
    try:
        return read(postgres.url())
    finally:
        postgres.stop()


def read(url: str) -> Computed:
    """Return the rows of each query in sql/queries/equality.sql."""
    with psycopg.connect(url) as conn:
        cursor = conn.cursor(row_factory=dict_row)
        return {name: cursor.execute(text).fetchall() for name, text in queries("equality").items()}


def compare(expected: Computed, computed: Computed) -> int:
    """Print what differs, kind by kind; return 1 where anything but the CPU does."""
    kinds = [kind for kind in expected if kind != "cpu"]
    show_cpus(expected["cpu"], computed["cpu"])
    for kind in kinds:
        if computed.get(kind) == expected[kind]:
            print(f"equal: {kind}, {len(expected[kind])} rows")
        else:
            show_difference(kind, expected[kind], computed.get(kind, []))
    return int(any(computed.get(kind) != expected[kind] for kind in kinds))


def show_cpus(expected: str, this: str) -> None:
    if this == expected:
        print(f"cpu: {this}")
    else:
        print(f"this CPU is {this}, and {RECORD.name} was from {expected}: expect other bytes")


def show_difference(kind: str, expected: list[Any], computed: list[Any]) -> None:
    """Print up to three rows that are only expected, and three that are only computed."""
    print(f"DIFFERENT: {kind}, {len(expected)} rows expected, {len(computed)} computed")
    for row in [row for row in expected if row not in computed][:3]:
        print(f"  expected {row}")
    for row in [row for row in computed if row not in expected][:3]:
        print(f"  computed {row}")


def cpu() -> str:
    """Return the CPU's maker, family and model."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    parts = [line.partition(":") for line in lines]
    fields = {name.strip(): value.strip() for name, _, value in parts}
    return " ".join(fields.get(name, "?") for name in ("vendor_id", "cpu family", "model"))


if __name__ == "__main__":
    sys.exit(main())
