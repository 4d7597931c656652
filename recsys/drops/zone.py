"""The landing zone: `<drops>/<source>/<YYYY-MM-DD>/` holds a publisher's files, complete once
`_SUCCESS` is there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from recsys.drops.checksums import parse_sums, sha256
from recsys.drops.damage import is_file_fault, reason_of_path
from recsys.drops.local import local_stamp, walk
from recsys.drops.members import Member, find_members, is_hidden, open_stored
from recsys.drops.names import list_names
from recsys.errors import DropError, RequestError

SUCCESS = "_SUCCESS"
SUMS = "SHA256SUMS"
#: The source whose drops say which weeks there are.
WEEK_SOURCE = "movielens"
#: How far after today a date may lie: a week is closed, or announced, a few days early, and a
#: mistyped year lies far beyond.
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
    """Return whether a date lies more than `AHEAD` after today: a mistyped year rather than a week
    to run.
    """
    return day - today > AHEAD


class LandingZone:
    """Reads a zone given as a folder or an fsspec URI (`s3://bucket/drops`). Every question looks
    anew: nothing is cached.

    What cannot be read (a link without its target, no permission, a file that is gone again) raises
    DropError naming it.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @cached_property
    def _place(self) -> tuple[AbstractFileSystem, str]:
        try:
            fs, root = url_to_fs(self.uri)
        # no such protocol, or its package is not installed
        except (ValueError, ImportError) as error:
            raise DropError(
                f"{error}; expected a folder or an fsspec URI such as s3://bucket/drops",
                f"landing zone {self.uri}",
            ) from error
        return fs, root.rstrip("/")

    @property
    def fs(self) -> AbstractFileSystem:
        return self._place[0]

    def path(self, source: str, when: date | str = "", name: str = "") -> str:
        """The path inside the zone's file system."""
        return "/".join(part for part in (self._place[1], source, str(when), name) if part)

    def drops(self, source: str) -> list[Drop]:
        """The complete drops, oldest first."""
        dates = self._dates(source)
        return [self.at(source, day) for day in dates if self.is_complete(source, day)]

    def _dates(self, source: str) -> list[date]:
        """The dates that names in the source's folder are, ascending."""
        return sorted(day for day in map(_as_date, self.folders(source)) if day)

    def drop(self, source: str, when: date) -> Drop | None:
        """The drop of that date, if it is complete."""
        return self.at(source, when) if self.is_complete(source, when) else None

    def at(self, source: str, when: date) -> Drop:
        """The drop of that date, complete or not."""
        path = self.path(source, when)
        return Drop(
            source,
            when,
            path if isinstance(self.fs, LocalFileSystem) else self.fs.unstrip_protocol(path),
        )

    def newest(
        self, source: str, *, today: date | None = None, allow_future: bool = False
    ) -> Drop | None:
        """Return the complete drop with the newest date, if there is one.

        Drops dated more than `AHEAD` after today (UTC) are skipped, unless `allow_future` says that
        generated data lie there.
        """
        today = today or datetime.now(UTC).date()
        drops = [
            drop for drop in self.drops(source) if allow_future or not is_ahead(drop.date, today)
        ]
        return drops[-1] if drops else None

    def refuse_ahead(self, as_of: date, today: date, *, allow_future: bool) -> None:
        """Raise RequestError for an as_of more than `AHEAD` after today, whatever drops lie there:
        a mistyped year, surely.
        """
        if allow_future or not is_ahead(as_of, today):
            return
        dates = [
            str(drop.date) for drop in self.drops(WEEK_SOURCE) if not is_ahead(drop.date, today)
        ]
        raise RequestError(
            f"as_of {as_of} is {(as_of - today).days:,} days after today, {today} (UTC); expected "
            f"at most {AHEAD.days}. Name a "
            f"week that has its drop: the newest complete {WEEK_SOURCE} drops are those of "
            f"{', '.join(dates[-5:]) or 'no date'}. "
            "Where generated data lie in the future, set RECSYS_ALLOW_FUTURE=true. Nothing was "
            f"changed; looked in {self.uri}"
        )

    def is_complete(self, source: str, when: date) -> bool:
        """Whether the publisher's `_SUCCESS` is there."""
        self.fs.invalidate_cache()
        return self.fs.isfile(self.path(source, when, SUCCESS))

    def incomplete(self, source: str) -> list[Drop]:
        """Dated folders without `_SUCCESS`: still being copied, or forgotten."""
        waiting = [day for day in self._dates(source) if not self.is_complete(source, day)]
        return [self.at(source, day) for day in waiting if not self._is_file(source, str(day))]

    def strange(self, source: str) -> list[str]:
        """Names in the source's folder that are not a date or no folder, hidden ones apart."""
        return [
            name
            for name in self.folders(source)
            if _as_date(name) is None or self._is_file(source, name)
        ]

    def folders(self, source: str) -> list[str]:
        """All names in the source's folder, hidden ones apart, ascending."""
        self.fs.invalidate_cache()
        path = self.path(source)
        where = f"landing zone {self.uri}"
        with self._naming(f"the folder {source}", path, where):
            if self._is_file(source):
                reason = f"{source} is a file; expected a folder with a folder for each drop"
                raise DropError(reason, where)
            listed = self.fs.ls(path, detail=False) if self.fs.isdir(path) else []
        names = map(last_part, listed)
        return sorted(name for name in names if not is_hidden(name))

    def files(self, drop: Drop) -> tuple[DropFile, ...]:
        """The publisher's files, ascending by name: without `_SUCCESS`, `SHA256SUMS` and hidden
        ones.
        """
        self.fs.invalidate_cache()
        root = self.path(drop.source, drop.date)
        with self._naming("its folder", root, drop):
            paths = sorted(self._find(root)) if self._is_there(root) else []
        names = (path.removeprefix(root + "/") for path in paths)
        return tuple(self._file(drop, name) for name in names if _is_publishers(name))

    def listed(self, drop: Drop) -> dict[str, str] | None:
        """What `SHA256SUMS` says, or None where there is none. Raises DropError where it cannot be
        read.
        """
        path = self.path(drop.source, drop.date, SUMS)
        try:
            with self._naming(SUMS, path, drop):
                if not self._is_there(path):
                    return None
                sums = parse_sums(str(self.fs.read_text(path)))
        except UnicodeDecodeError as error:
            raise DropError(
                f"{SUMS} is no UTF-8 text; expected lines of '<64 hex digits>  <file name>'", drop
            ) from error
        except ValueError as error:
            raise DropError(f"{SUMS} {error}", drop) from error
        return {name: digest for name, digest in sums.items() if _is_publishers(name)}

    def checksums(self, drop: Drop) -> dict[str, str]:
        """Name → SHA-256 (hex) of the stored bytes. Raises DropError where `SHA256SUMS` is there
        and does not agree.
        """
        expected = self.listed(drop)
        names = [file.name for file in self.files(drop)]
        if expected is not None:
            self.compare_names(drop, expected, names)
        sums = {name: self._digest(drop, name) for name in names}
        for name, digest in sums.items():
            if expected is not None and digest != expected[name]:
                raise DropError(
                    f"{name} has sha256 {digest}; {SUMS} expects {expected[name]}", drop
                )
        return sums

    def members(self, drop: Drop) -> Mapping[str, Member]:
        """Logical file name → member: `x.tsv.gz` is `x.tsv`, and a zip is its files by base name.
        Raises DropError.
        """
        paths = [
            (file.name, self.path(drop.source, drop.date, file.name)) for file in self.files(drop)
        ]
        return find_members(self.fs, paths, str(drop))

    @contextmanager
    def _naming(self, name: str, path: str, where: object) -> Iterator[None]:
        """Turn an error of the file system that lasts into a DropError about `name`."""
        try:
            yield
        except OSError as error:
            if not is_file_fault(error):
                raise
            culprit = str(error.filename or path)
            shown = culprit.removeprefix(f"{path}/") if culprit.startswith(f"{path}/") else name
            reason = (
                f"{reason_of_path(error, culprit)}; expected what can be read, or nothing of that "
                "name"
            )
            raise DropError(f"{shown} cannot be read: {reason}", where) from error

    def _is_file(self, source: str, name: str = "") -> bool:
        return self.fs.isfile(self.path(source, name))

    def _is_there(self, path: str) -> bool:
        """Whether there is anything of that name, a link without its target too."""
        return self.fs.lexists(path)

    def _find(self, root: str) -> list[str]:
        """All paths under a drop's folder. A local folder that cannot be listed raises OSError,
        which `find` passes over.
        """
        if not isinstance(self.fs, LocalFileSystem):
            return [str(path) for path in self.fs.find(root)]
        return list(walk(root))

    def _file(self, drop: Drop, name: str) -> DropFile:
        check_name(name, drop)
        path = self.path(drop.source, drop.date, name)
        with self._naming(name, path, drop):
            info = self.fs.info(path)
            if not isinstance(self.fs, LocalFileSystem):
                return DropFile(name, info["size"], str(self.fs.checksum(path)))
        reason = "is no file that can be read to its end (a pipe, a socket or a device)"
        if info["type"] != "file":
            raise DropError(f"{name} {reason}; expected a file", drop)
        return DropFile(name, info["size"], local_stamp(info))

    def compare_names(self, drop: Drop, expected: Mapping[str, str], names: list[str]) -> None:
        missing, unlisted = sorted(set(expected) - set(names)), sorted(set(names) - set(expected))
        if missing:
            raise DropError(
                f"{SUMS} lists {list_names(missing)}; found only {list_names(names, 'no file')}",
                drop,
            )
        if unlisted:
            raise DropError(
                f"{list_names(unlisted)} is there; {SUMS} lists only "
                f"{list_names(expected, 'no file')}",
                drop,
            )

    def _digest(self, drop: Drop, name: str) -> str:
        path = self.path(drop.source, drop.date, name)
        with self._naming(name, path, drop), open_stored(self.fs, path) as stream:
            return sha256(stream)


def _is_publishers(name: str) -> bool:
    """Whether a file is the publisher's, and not a mark, a list of checksums or hidden."""
    return name not in (SUCCESS, SUMS) and not is_hidden(name)


def last_part(path: object) -> str:
    """Return what a path ends with."""
    return str(path).rstrip("/").rsplit("/", 1)[-1]


def check_name(name: str, drop: Drop) -> None:
    """Raise DropError where the bytes of a name are no UTF-8: of them Python makes characters that
    nothing else can hold.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        reason = f"{name} has a name that is no UTF-8; expected one that is. Name the file anew"
        raise DropError(reason, drop) from None


def _as_date(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None  # Python also reads 20260817 and 2026-W34-1
