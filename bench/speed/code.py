"""Which source decides a measurement: other code is measured anew."""

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What decides which data there are.
DATA = ("bench/*.py", "bench/speed/data.py", "bench/speed/scale.py")
#: What decides which facts a database holds, and how.
FACTS = (*DATA, "recsys/drops/*.py", "recsys/ingest/*.py", "recsys/db/*.py", "sql/**/*.sql")
#: What decides how long a stage takes; how that is shown does not.
ALL = (*DATA, "recsys/**/*.py", "sql/**/*.sql", "bench/speed/ground.py", "bench/speed/stages/*.py")


def code() -> str:
    """Hex digest of all that decides a measurement."""
    return digest_of(ALL)


@cache
def digest_of(patterns: tuple[str, ...]) -> str:
    """Hex digest of the path and text of every file that matches."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
