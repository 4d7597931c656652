"""Digests of what decides a measurement: where it is another one, the measurement is made anew."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def digest_of(patterns: tuple[str, ...]) -> str:
    """Return a hex digest of the path and text of every file that matches, as `files_of` does."""
    digest = hashlib.sha256()
    for path in files_of(patterns):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digest_of_parts(*parts: object) -> str:
    """Return a hex digest of values that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def files_of(patterns: Sequence[str]) -> list[Path]:
    """Return the repository's files that match, in order.

    Raises ValueError where a pattern matches no file, as after a move.
    """
    files: set[Path] = set()
    for pattern in patterns:
        matching = set(ROOT.glob(pattern))
        if not matching:
            raise ValueError(f"{pattern} matches no file; expected source of a measurement: {ROOT}")
        files |= matching
    return sorted(files)
