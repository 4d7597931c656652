"""Which code this is."""

import subprocess
from functools import cache
from pathlib import Path

UNKNOWN = "unknown"


def git_sha(of_image: str) -> str:
    """Return the commit of the code: the image's, else the checkout's own, with a + behind it where
    files were changed since.
    """
    return of_image or _of_checkout(Path(__file__).resolve().parents[1])


@cache
def _of_checkout(root: Path) -> str:
    if not (root / ".git").exists():
        return UNKNOWN
    commit, changed = (
        git(root, *command)
        for command in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
    )
    return UNKNOWN if commit is None else commit + ("+" if changed else "")


def git(root: Path, *command: str) -> str | None:
    """Return what git prints; None where there is no git, or it fails."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *command],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
