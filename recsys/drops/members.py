"""What is in the publisher's files: plain, gzipped or zipped, each seen as a stream of decompressed
bytes.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from fsspec import AbstractFileSystem
from isal import igzip

from recsys.drops.damage import is_damage, reason_of_path
from recsys.errors import DropError

_ENCRYPTED = 0x1  # bit of a zip entry's general purpose flags
_BUFFER = 1 << 20
#: How packed files begin: none of them is a text that a publisher's file could begin with.
_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
}
#: Published files shrink to a tenth at most: beyond so many bytes, what grows so many times is made
#: to fill a disk.
BOMB_FACTOR = 250
BOMB_BYTES = 256 << 20


@dataclass(frozen=True)
class Member:
    """One logical file of a drop: `ratings.csv`, whether it lies there plain, as `.gz` or inside a
    zip.
    """

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
    _packed: int | None = None
    """Bytes that it takes as stored, where that is known."""

    def open(self) -> io.BufferedReader:
        """Return the decompressed bytes as a stream.

        Raises DropError, here or while the stream is read, where the file is gone, damaged or
        packed more than once.
        """
        layers: list[Any] = []
        try:
            self.add_layers(layers)
        except Exception as error:
            _close(layers)
            self._refuse(error)
            raise
        stream: io.BufferedReader = io.BufferedReader(_Checked(self, layers), _BUFFER)
        try:
            self.refuse_packed(stream.peek(8))
        except BaseException:
            stream.close()
            raise
        return stream

    def add_layers(self, layers: list[Any]) -> None:
        """Open what is stored, and each way of packing inside it."""
        layers.append(open_stored(self._fs, self._path))
        if self._entry is not None:
            archive = zipfile.ZipFile(layers[0])
            layers += [archive, archive.open(self._entry)]
        if _is_gzip(self._entry or self._path):
            layers.append(igzip.IGzipFile(fileobj=layers[-1]))

    def _refuse(self, error: Exception) -> None:
        """Raise DropError where an error comes from the file itself; others are a fault of where it
        is stored.
        """
        if not is_damage(error):
            return
        reason = reason_of_path(error, self._path)
        raise DropError(
            f"{self.path_in_drop} cannot be read: {reason}; expected a whole file", self.where
        ) from error

    def refuse_packed(self, head: bytes) -> None:
        for signature, kind in _SIGNATURES.items():
            if head.startswith(signature):
                raise DropError(
                    f"{self.path_in_drop} holds {kind} data where text was expected: "
                    f"expected {self.name} plain, as .gz or inside a .zip, packed once and named "
                    "so",
                    self.where,
                )

    def refuse_bomb(self, n_bytes: int) -> None:
        if self._packed is not None and n_bytes > max(BOMB_BYTES, BOMB_FACTOR * self._packed):
            raise DropError(
                f"{self.path_in_drop} unpacks to more than {BOMB_FACTOR} times its "
                f"{self._packed:,} bytes; "
                "expected a file as published, which shrinks to a tenth at most",
                self.where,
            )


class _Checked(io.RawIOBase):
    """The innermost layer's bytes; damage becomes a DropError, and closing closes every layer."""

    def __init__(self, member: Member, layers: list[Any]) -> None:
        self._member = member
        self._layers = layers
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            data = self._layers[-1].read(len(buffer))
        except Exception as error:
            self._member._refuse(error)
            raise
        self._n_bytes += len(data)
        self._member.refuse_bomb(self._n_bytes)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            _close(self._layers)
        super().close()


def open_stored(fs: AbstractFileSystem, path: str) -> BinaryIO:
    """The bytes as they are stored."""
    return cast("BinaryIO", fs.open(path, "rb"))


def find_members(
    fs: AbstractFileSystem, paths: Iterable[tuple[str, str]], where: str
) -> Mapping[str, Member]:
    """Return logical name → member, over files given as (name in the drop, path in the file
    system).

    Raises DropError for a name that occurs twice, an encrypted entry, or what cannot be read as the
    zip file that its name says.
    """
    members: dict[str, Member] = {}
    for name, path in paths:
        for member in members_of(fs, name, path, where):
            if member.name in members:
                both = f"{members[member.name].path_in_drop} and {member.path_in_drop}"
                raise DropError(f"{member.name} is there twice, as {both}; expected once", where)
            members[member.name] = member
    return members


def members_of(fs: AbstractFileSystem, name: str, path: str, where: str) -> Iterator[Member]:
    """Yield a file, or what a zip archive of that name holds."""
    if name.lower().endswith(".zip"):
        yield from zip_members(fs, name, path, where)
        return
    try:
        stored = fs.size(path) or 0
    except Exception as error:
        if not is_damage(error):
            raise
        raise DropError(
            f"{name} cannot be read: {reason_of_path(error, path)}; expected a whole file", where
        ) from error
    yield Member(
        _logical(name), name, None if _is_gzip(name) else stored, where, fs, path, None, stored
    )


def zip_members(fs: AbstractFileSystem, name: str, path: str, where: str) -> Iterator[Member]:
    """Yield the files in a zip archive."""
    for entry in zip_entries(fs, name, path, where):
        inner = with_slashes(entry.filename)
        if inner.endswith("/") or is_hidden(inner):
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise DropError(f"{name}:{entry.filename} is encrypted; expected a plain entry", where)
        size = None if _is_gzip(inner) else entry.file_size
        packed = entry.compress_size
        yield Member(
            _logical(inner),
            f"{name}:{entry.filename}",
            size,
            where,
            fs,
            path,
            entry.filename,
            packed,
        )


def zip_entries(fs: AbstractFileSystem, name: str, path: str, where: str) -> list[zipfile.ZipInfo]:
    """Return the entries of a zip archive. Raises DropError for a damaged one."""
    try:
        with open_stored(fs, path) as stored:
            return zipfile.ZipFile(stored).infolist()
    except Exception as error:
        if not is_damage(error):
            raise
        reason = reason_of_path(error, path)
        raise DropError(
            f"{name} is not a whole zip file: {reason}; expected a zip as published", where
        ) from error


def is_hidden(name: str) -> bool:
    """Return whether a path has a part that starts with a dot, or is what macOS adds to a zip."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def with_slashes(name: str) -> str:
    """A zip's names as the standard wants them: some programs on Windows write backslashes between
    folders.
    """
    return name.replace("\\", "/")


def _is_gzip(name: str) -> bool:
    return name.lower().endswith(".gz")


def _logical(name: str) -> str:
    base = PurePosixPath(name).name
    return base[: -len(".gz")] if _is_gzip(base) else base


def _close(layers: list[Any]) -> None:
    for layer in reversed(layers):
        layer.close()
