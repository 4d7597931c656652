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
    record = parser.parse_args().record
    with tempfile.TemporaryDirectory(prefix="recsys-equality-") as folder:
        computed: dict[str, Any] = {"cpu": cpu()} | replay_and_read(Path(folder))
    if record:
        RECORD.write_text(json.dumps(computed, indent=1, default=str) + "\n")
        print(f"written: {RECORD}")
        return 0
    return compare(json.loads(RECORD.read_text()), json.loads(json.dumps(computed, default=str)))


def replay_and_read(folder: Path) -> dict[str, Any]:
    """Return the rows of each query by replay and name; the weeks run by the command that people
    use, in a process of its own.
    """
    generate_movielens(folder / "movielens", users=120, movies=200, ratings=8_000, seed=SEED)
    generate_imdb(folder / "imdb", folder / "movielens", seed=SEED)
    computed = {}
    for replay, (min_users, recipes) in REPLAYS.items():
        home = folder / replay
        run_replay(folder, home, min_users, recipes)
        for name, rows in read_home(home).items():
            computed[f"{replay}: {name}"] = rows
    return computed


def run_replay(folder: Path, home: Path, min_users: str, recipes: str) -> None:
    """Replay the folder's data in a home."""
    command = [sys.executable, "-m", "stack", "replay", "--weeks", str(WEEKS), "--recipes", recipes]
    command += ["--from", str(folder / "movielens"), "--imdb", str(folder / "imdb")]
    settings = SETTINGS | {"RECSYS_HOME": str(home), "RECSYS_EXAM_MIN_USERS": min_users}
    subprocess.run(command, check=True, cwd=REPOSITORY, env=os.environ | settings)


def read_home(home: Path) -> dict[str, Any]:
    """Return what a replay's database holds."""
    postgres = Postgres(Home(home).root)
    postgres.start()
    try:
        return read(postgres.url())
    finally:
        postgres.stop()


def read(url: str) -> dict[str, Any]:
    """Return the rows of each query in sql/queries/equality.sql."""
    with psycopg.connect(url) as conn:
        cursor = conn.cursor(row_factory=dict_row)
        return {name: cursor.execute(text).fetchall() for name, text in queries("equality").items()}


def compare(expected: dict[str, Any], found: dict[str, Any]) -> int:
    """Print what differs, kind by kind."""
    differing = [kind for kind in expected if found.get(kind) != expected[kind]]
    for kind in expected:
        if kind not in differing:
            print(
                f"equal: {kind}, {len(expected[kind])} rows"
                if kind != "cpu"
                else f"cpu: {found['cpu']}"
            )
        elif kind == "cpu":
            print(
                f"this CPU is {found['cpu']}, and {RECORD.name} was from {expected['cpu']}: "
                "expect other bytes"
            )
        else:
            show_difference(kind, expected[kind], found.get(kind, []))
    return 1 if set(differing) - {"cpu"} else 0


def show_difference(kind: str, expected: list[Any], found: list[Any]) -> None:
    """Print up to three rows that are only expected, and three that are only found."""
    print(f"DIFFERENT: {kind}, {len(expected)} rows expected, {len(found)} found")
    for row in [row for row in expected if row not in found][:3]:
        print(f"  expected {row}")
    for row in [row for row in found if row not in expected][:3]:
        print(f"  found    {row}")


def cpu() -> str:
    """Return the CPU's maker, family and model."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(
        part.split("\t: ", 1)
        for part in (line.replace("\t\t", "\t") for line in lines)
        if "\t: " in part
    )
    return " ".join(fields.get(name, "?") for name in ("vendor_id", "cpu family", "model"))


if __name__ == "__main__":
    sys.exit(main())
