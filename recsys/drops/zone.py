"""The landing zone: `<drops>/<source>/<YYYY-MM-DD>/` holds a publisher's files, complete once `_SUCCESS` is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from recsys.drops.checksums import parse_sums, sha256
from recsys.drops.members import Member, find_members, is_hidden, open_stored
from recsys.errors import DropError

SUCCESS = "_SUCCESS"
SUMS = "SHA256SUMS"
#: How far after today a date may lie: a week is closed, or announced, a few days early, and a mistyped year lies far beyond.
AHEAD = timedelta(days=7)


@dataclass(frozen=True)
class Drop:
    """The files of one source for one week. `date` is the as_of that it closes."""

    source: str
    date: date
    uri: str

    def __str__(self) -> str:
        return f"{self.source} drop of {self.date} in {self.uri}"


@dataclass(frozen=True)
class DropFile:
    """One stored file. `stamp` changes when the content may have changed; it is no digest."""

    name: str
    size: int
    stamp: str


def is_ahead(day: date, today: date) -> bool:
    """Return whether a date lies more than `AHEAD` after today: a mistyped year rather than a week to run."""
    return day - today > AHEAD


class LandingZone:
    """Reads a zone given as a folder or an fsspec URI (`s3://bucket/drops`). Every question looks anew: nothing is cached."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @cached_property
    def _place(self) -> tuple[AbstractFileSystem, str]:
        fs, root = url_to_fs(self.uri)
        return fs, root.rstrip("/")

    @property
    def fs(self) -> AbstractFileSystem:
        return self._place[0]

    def path(self, source: str, when: date | str = "", name: str = "") -> str:
        """The path inside the zone's file system."""
        return "/".join(part for part in (self._place[1], source, str(when), name) if part)

    def drops(self, source: str) -> list[Drop]:
        """The complete drops, oldest first."""
        dates = sorted(day for day in map(_as_date, self.folders(source)) if day)
        return [self.at(source, day) for day in dates if self.is_complete(source, day)]

    def drop(self, source: str, when: date) -> Drop | None:
        """The drop of that date, if it is complete."""
        return self.at(source, when) if self.is_complete(source, when) else None

    def at(self, source: str, when: date) -> Drop:
        """The drop of that date, complete or not."""
        path = self.path(source, when)
        return Drop(source, when, path if isinstance(self.fs, LocalFileSystem) else self.fs.unstrip_protocol(path))

    def newest(self, source: str, *, allow_future: bool = False) -> Drop | None:
        """Return the complete drop with the newest date, if there is one.

        Drops dated more than `AHEAD` after today (UTC) are skipped, unless `allow_future` says that generated data lie there.
        """
        today = datetime.now(UTC).date()
        drops = [drop for drop in self.drops(source) if allow_future or not is_ahead(drop.date, today)]
        return drops[-1] if drops else None

    def is_complete(self, source: str, when: date) -> bool:
        """Whether the publisher's `_SUCCESS` is there."""
        self.fs.invalidate_cache()
        return self.fs.isfile(self.path(source, when, SUCCESS))

    def incomplete(self, source: str) -> list[Drop]:
        """Dated folders without `_SUCCESS`: still being copied, or forgotten."""
        dates = sorted(day for day in map(_as_date, self.folders(source)) if day)
        return [self.at(source, day) for day in dates if not self.is_complete(source, day)]

    def strange(self, source: str) -> list[str]:
        """Names in the source's folder that are not a date, hidden ones apart."""
        return [name for name in self.folders(source) if _as_date(name) is None]

    def folders(self, source: str) -> list[str]:
        """All names in the source's folder, hidden ones apart, ascending."""
        self.fs.invalidate_cache()
        path = self.path(source)
        listed = self.fs.ls(path, detail=False) if self.fs.isdir(path) else []
        names = (str(found).rstrip("/").rsplit("/", 1)[-1] for found in listed)
        return sorted(name for name in names if not is_hidden(name))

    def files(self, drop: Drop) -> tuple[DropFile, ...]:
        """The publisher's files, ascending by name: without `_SUCCESS`, `SHA256SUMS` and hidden ones."""
        self.fs.invalidate_cache()
        root = self.path(drop.source, drop.date)
        names = (str(found).removeprefix(root + "/") for found in self.fs.find(root))
        return tuple(self._file(drop, name) for name in sorted(names) if name not in (SUCCESS, SUMS) and not is_hidden(name))

    def listed(self, drop: Drop) -> dict[str, str] | None:
        """What `SHA256SUMS` says, or None where there is none. Raises DropError where it cannot be read."""
        path = self.path(drop.source, drop.date, SUMS)
        if not self.fs.isfile(path):
            return None
        try:
            sums = parse_sums(str(self.fs.read_text(path)))
        except ValueError as error:
            raise DropError(f"{drop}: {SUMS} {error}") from error
        return {name: digest for name, digest in sums.items() if name not in (SUCCESS, SUMS) and not is_hidden(name)}

    def checksums(self, drop: Drop) -> dict[str, str]:
        """Name → SHA-256 (hex) of the stored bytes. Raises DropError where `SHA256SUMS` is there and does not agree."""
        expected = self.listed(drop)
        names = [file.name for file in self.files(drop)]
        if expected is not None:
            self._compare_names(drop, expected, names)
        found = {name: self._digest(drop, name) for name in names}
        for name, digest in found.items():
            if expected is not None and digest != expected[name]:
                raise DropError(f"{drop}: {name} has sha256 {digest}; {SUMS} expects {expected[name]}")
        return found

    def members(self, drop: Drop) -> Mapping[str, Member]:
        """Logical file name → member: `x.tsv.gz` is `x.tsv`, and a zip is its files by base name. Raises DropError."""
        paths = [(file.name, self.path(drop.source, drop.date, file.name)) for file in self.files(drop)]
        return find_members(self.fs, paths, str(drop))

    def _file(self, drop: Drop, name: str) -> DropFile:
        path = self.path(drop.source, drop.date, name)
        info = self.fs.info(path)
        if isinstance(self.fs, LocalFileSystem):  # its checksum() also changes with a hard link or a chmod
            return DropFile(name, info["size"], f"{info['size']}-{info['mtime']}-{info['ino']}")
        return DropFile(name, info["size"], str(self.fs.checksum(path)))

    def _compare_names(self, drop: Drop, expected: Mapping[str, str], names: list[str]) -> None:
        missing, unlisted = sorted(set(expected) - set(names)), sorted(set(names) - set(expected))
        if missing:
            raise DropError(f"{drop}: {SUMS} lists {', '.join(missing)}; found only {', '.join(names) or 'no file'}")
        if unlisted:
            raise DropError(
                f"{drop}: {', '.join(unlisted)} is there; {SUMS} lists only {', '.join(sorted(expected)) or 'no file'}"
            )

    def _digest(self, drop: Drop, name: str) -> str:
        with open_stored(self.fs, self.path(drop.source, drop.date, name)) as stream:
            return sha256(stream)


def _as_date(name: str) -> date | None:
    try:
        found = date.fromisoformat(name)
    except ValueError:
        return None
    return found if found.isoformat() == name else None  # Python also reads 20260817 and 2026-W34-1
