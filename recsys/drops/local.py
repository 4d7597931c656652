"""A local folder's files: those under it, and what tells that one has changed."""

import errno
import os
from collections.abc import Iterator, Mapping


def walk(folder: str, above: tuple[tuple[int, int], ...] = ()) -> Iterator[str]:
    """All paths under a local folder but the folders' own. A link to a folder is followed, but not
    round in a circle.
    """
    status = os.stat(folder)  # noqa: PTH116
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), folder)
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_folder(entry):
                yield from walk(entry.path, (*above, here))
            else:
                yield entry.path


def local_stamp(info: Mapping[str, object]) -> str:
    """The local file system's checksum() also changes with a hard link or a chmod: this does
    not.
    """
    return f"{info['size']}-{info['mtime']}-{info['ino']}"


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder; one that cannot be read is none."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle: whoever reads it says so
        return False
