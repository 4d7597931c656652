"""What is in the publisher's files: plain, gzipped or zipped, each seen as a stream of decompressed bytes."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from fsspec import AbstractFileSystem
from isal import igzip, isal_zlib

from recsys.errors import DropError

_ENCRYPTED = 0x1  # bit of a zip entry's general purpose flags
_BUFFER = 1 << 20
#: What a damaged, truncated or unsupported archive raises while it is read.
_DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    cast("type[Exception]", isal_zlib.error),  # its stub takes it for an exception raised already
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
)


@dataclass(frozen=True)
class Member:
    """One logical file of a drop: `ratings.csv`, whether it lies there plain, as `.gz` or inside a zip."""

    name: str
    path_in_drop: str
    """As a message names it, e.g. `ml-1m.zip:ml-1m/ratings.dat`."""
    size: int | None
    """Decompressed bytes; None for a gzip, which does not say."""
    where: str
    """The drop's name for messages."""
    _fs: AbstractFileSystem
    _path: str
    _entry: str | None

    def open(self) -> BinaryIO:
        """The decompressed bytes, streamed. Reading raises DropError where the archive is damaged or truncated."""
        layers: list[Any] = [open_stored(self._fs, self._path)]
        try:
            if self._entry is not None:
                archive = zipfile.ZipFile(layers[0])
                layers += [archive, archive.open(self._entry)]
            if (self._entry or self._path).endswith(".gz"):
                layers.append(igzip.IGzipFile(fileobj=layers[-1]))
        except _DAMAGE as error:
            _close(layers)
            raise self._damaged(error) from error
        return io.BufferedReader(_Checked(self, layers), _BUFFER)

    def _damaged(self, error: Exception) -> DropError:
        return DropError(
            f"{self.where}: {self.path_in_drop} cannot be read: {error or type(error).__name__}; expected a whole file"
        )


class _Checked(io.RawIOBase):
    """The innermost layer's bytes; damage becomes a DropError, and closing closes every layer."""

    def __init__(self, member: Member, layers: list[Any]) -> None:
        self._member = member
        self._layers = layers

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            data = self._layers[-1].read(len(buffer))
        except _DAMAGE as error:
            raise self._member._damaged(error) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            _close(self._layers)
        super().close()


def open_stored(fs: AbstractFileSystem, path: str) -> BinaryIO:
    """The bytes as they are stored."""
    return cast("BinaryIO", fs.open(path, "rb"))


def find_members(fs: AbstractFileSystem, paths: Iterable[tuple[str, str]], where: str) -> Mapping[str, Member]:
    """Logical name → member, over files given as (name in the drop, path in the file system).

    Raises DropError for a name that occurs twice, an encrypted entry, or what is not a zip file although it is named so.
    """
    found: dict[str, Member] = {}
    for name, path in paths:
        for member in _members_of(fs, name, path, where):
            if member.name in found:
                both = f"{found[member.name].path_in_drop} and {member.path_in_drop}"
                raise DropError(f"{where}: {member.name} is there twice, as {both}; expected once")
            found[member.name] = member
    return found


def _members_of(fs: AbstractFileSystem, name: str, path: str, where: str) -> Iterator[Member]:
    if name.lower().endswith(".zip"):
        yield from _zip_members(fs, name, path, where)
        return
    size = None if name.endswith(".gz") else fs.size(path)
    yield Member(_logical(name), name, size, where, fs, path, None)


def _zip_members(fs: AbstractFileSystem, name: str, path: str, where: str) -> Iterator[Member]:
    with open_stored(fs, path) as stored:
        try:
            entries = zipfile.ZipFile(stored).infolist()
        except _DAMAGE as error:
            raise DropError(f"{where}: {name} is not a whole zip file: {error}") from error
    for entry in entries:
        if entry.is_dir() or is_hidden(entry.filename):
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise DropError(f"{where}: {name}:{entry.filename} is encrypted; expected a plain entry")
        size = None if entry.filename.endswith(".gz") else entry.file_size
        yield Member(_logical(entry.filename), f"{name}:{entry.filename}", size, where, fs, path, entry.filename)


def is_hidden(name: str) -> bool:
    """Whether a path has a part that starts with a dot, or is what macOS adds to a zip."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _logical(name: str) -> str:
    return PurePosixPath(name).name.removesuffix(".gz")


def _close(layers: list[Any]) -> None:
    for layer in reversed(layers):
        layer.close()
