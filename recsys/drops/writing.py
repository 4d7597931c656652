"""A drop that we write ourselves, in the layout of the landing zone: complete once `_SUCCESS` is
there.
"""

import hashlib
from collections.abc import Mapping

from recsys.drops.checksums import format_sums
from recsys.drops.damage import is_file_fault
from recsys.drops.zone import SUCCESS, SUMS, Drop, LandingZone
from recsys.errors import DropError

__all__ = ["write_drop"]


def write_drop(zone: LandingZone, drop: Drop, files: Mapping[str, bytes]) -> None:
    """Write a drop's files with their checksums, in the place of those that are there.

    Without `_SUCCESS` meanwhile, so that nobody takes half a drop in. Raises DropError where the
    zone cannot be written to.
    """
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    contents = {**files, SUMS: format_sums(sums).encode(), SUCCESS: b""}
    try:
        zone.fs.makedirs(zone.path(drop.source, drop.date), exist_ok=True)
        mark = zone.path(drop.source, drop.date, SUCCESS)
        if zone.is_complete(drop.source, drop.date):
            zone.fs.rm_file(mark)
        for name, content in contents.items():
            zone.fs.pipe_file(zone.path(drop.source, drop.date, name), content)
    except NotImplementedError as error:
        raise not_writable(drop, "its file system only reads") from error
    except OSError as error:
        if not is_file_fault(error):
            raise
        raise not_writable(drop, str(error)) from error


def not_writable(drop: Drop, reason: str) -> DropError:
    return DropError(
        f"the drop cannot be written: {reason}; expected a landing zone (RECSYS_DROPS) in which "
        f"the pipeline may write the folder {drop.source}. What it holds is kept in Postgres: run "
        "the week again",
        drop,
    )
