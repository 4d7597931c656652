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


@dataclass(frozen=True)
class Member:
    """A file under its own name. `content`: its bytes, or what is wrong with them."""

    logical: str
    path: str
    content: bytes | str


@dataclass
class Opened:
    """Logical name → bytes, or the reason why they cannot be read; `refused`: stored name → why no
    file of the drop is read.
    """

    data: dict[str, bytes] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    stored_as: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, member: Member) -> None:
        name = member.logical
        if name in self.stored_as:
            self.refused[name] = f"twice: {self.stored_as[name]} and {member.path}"
            return
        self.stored_as[name] = member.path
        if isinstance(member.content, bytes):
            self.data[name] = member.content
        else:
            self.unreadable[name] = member.content


def open_stored(stored: Mapping[str, bytes]) -> Opened:
    """Return every file of a drop under its own name: `x.csv` for `x.csv.gz`, and for
    `folder/x.csv` in a zip.
    """
    opened = Opened()
    for name, data in sorted(stored.items()):
        if is_hidden(name):
            continue
        if any("\ud800" <= character <= "\udfff" for character in name):
            opened.refused[ascii(name)[1:-1]] = "a name that is no UTF-8"
            continue
        for member in members_of(name, data, opened.refused):
            opened.add(member)
    return opened


def members_of(name: str, data: bytes, refused: dict[str, str]) -> Iterator[Member]:
    """Yield what is in a stored file; what cannot be opened is refused."""
    if not name.lower().endswith(".zip"):
        yield Member(logical_name(name), name, unpack(name, data))
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001
        refused[name] = f"not a whole zip file: {error}"
        return
    yield from members_of_zip(name, archive, refused)


def members_of_zip(
    name: str, archive: zipfile.ZipFile, refused: dict[str, str]
) -> Iterator[Member]:
    for entry in archive.infolist():
        path = entry.filename.replace("\\", "/")
        if path.endswith("/") or is_hidden(path):
            continue
        if is_encrypted(entry):
            refused[entry.filename] = "encrypted"
        else:
            content = read_entry(archive, entry, path)
            yield Member(logical_name(path), f"{name}:{entry.filename}", content)


def is_encrypted(entry: zipfile.ZipInfo) -> bool:
    return bool(entry.flag_bits & 1)


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> bytes | str:
    try:
        data = archive.read(entry)
    except Exception as error:  # noqa: BLE001 - whatever it is, these bytes cannot be had
        return f"damaged: {error!r}"
    return unpack(path, data)


def unpack(name: str, data: bytes) -> bytes | str:
    """Return a file's own bytes, or what is wrong with them."""
    try:
        plain = gzip.decompress(data) if name.lower().endswith(".gz") else data
    except Exception as error:  # noqa: BLE001
        return f"damaged: {error!r}"
    return "packed again" if plain.startswith(PACKED) else plain


def logical_name(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[:-3] if name.lower().endswith(".gz") else name


def is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))
