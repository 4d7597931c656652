"""Where a fit of a network keeps how far it came, and for how long."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from recsys.models.base import Recommender
from recsys.settings import Settings

__all__ = ["resuming"]

log = logging.getLogger(__name__)

#: Seconds after which nobody asks for a killed fit again. A retry comes within hours.
KEPT = 2 * 86_400


@contextmanager
def resuming(model: Recommender, settings: Settings, key: str) -> Iterator[None]:
    """Have the model's fit in the block go on where one of the same key was killed. What it kept
    goes once the block has succeeded; of fits that nobody asked for again, after two days.

    Members of a blend are fits of their own, with keys of their own.
    """
    root = folder_of(settings)
    if root is None:
        yield
        return
    forget_old(root)
    compute = model.compute
    model.compute = replace(compute, checkpoints=root / key)
    try:
        yield
    finally:
        model.compute = compute
    shutil.rmtree(root / key, ignore_errors=True)


def folder_of(settings: Settings) -> Path | None:
    """Return the folder of all checkpoints, made where it is not there; None where it cannot be, or
    is another account's, who could put other weights there.
    """
    default = Path(tempfile.gettempdir()) / f"recsys-checkpoints-{os.getuid()}"
    folder = Path(settings.checkpoints) if settings.checkpoints else default
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as error:
        log.warning("no fit can go on after it was killed: %s", error)
        return None
    if owner != os.getuid():
        log.warning("%s is of account %d: no fit can go on after it was killed", folder, owner)
        return None
    return folder


def forget_old(root: Path) -> None:
    """Remove what fits kept that nobody has asked for again."""
    for folder in root.iterdir():
        # another task may remove it at the same moment
        if folder.is_dir() and touched(folder) < time.time() - KEPT:
            shutil.rmtree(folder, ignore_errors=True)


def touched(folder: Path) -> float:
    """Return when a file in a folder was last written; now, where it is gone."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()
