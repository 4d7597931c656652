"""Logs of services."""

from pathlib import Path


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
