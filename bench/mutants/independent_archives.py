"""What lies in a drop's stored files, read by Python's own gzip and zipfile alone."""

import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: How gzip, zip, bzip2, xz, zstd and 7z begin.
PACKED = (
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf\x27\x1c",
)


@dataclass
class Opened:
    """Logical name → bytes, or the reason why they cannot be read; `refused`: stored name → why no
    file of the drop is read.
    """

    data: dict[str, bytes] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    stored_as: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def open_stored(stored: Mapping[str, bytes]) -> Opened:
    """Every file of a drop under its own name: `x.csv` for `x.csv.gz`, and for `folder/x.csv` in a
    zip.
    """
    opened = Opened()
    for name, data in sorted(stored.items()):
        if _is_hidden(name):
            continue
        if any("\ud800" <= character <= "\udfff" for character in name):
            opened.refused[ascii(name)[1:-1]] = "a name that is no UTF-8"
            continue
        for logical, path, content in _members(name, data, opened):
            if logical in opened.stored_as:
                opened.refused[logical] = f"twice: {opened.stored_as[logical]} and {path}"
                continue
            opened.stored_as[logical] = path
            if isinstance(content, bytes):
                opened.data[logical] = content
            else:
                opened.unreadable[logical] = content
    return opened


def _members(name: str, data: bytes, opened: Opened) -> Iterator[tuple[str, str, bytes | str]]:
    """(logical name, path in the drop, bytes or what is wrong with them)."""
    if not name.lower().endswith(".zip"):
        yield _logical(name), name, _unpacked(name, data)
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001
        opened.refused[name] = f"not a whole zip file: {error}"
        return
    for entry in archive.infolist():
        path = entry.filename.replace("\\", "/")
        if path.endswith("/") or _is_hidden(path):
            continue
        if entry.flag_bits & 1:
            opened.refused[entry.filename] = "encrypted"
            continue
        yield _logical(path), f"{name}:{entry.filename}", read_entry(archive, entry, path)


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> bytes | str:
    try:
        data = archive.read(entry)
    except Exception as error:  # noqa: BLE001 - whatever it is, these bytes cannot be had
        return f"damaged: {error!r}"
    return _unpacked(path, data)


def _unpacked(name: str, data: bytes) -> bytes | str:
    if name.lower().endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except Exception as error:  # noqa: BLE001
            return f"damaged: {error!r}"
    return "packed again" if data.startswith(PACKED) else data


def _logical(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[:-3] if name.lower().endswith(".gz") else name


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))
