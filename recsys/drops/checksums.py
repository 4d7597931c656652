"""SHA-256 of stored bytes, and the `SHA256SUMS` that coreutils' `sha256sum` writes."""

import hashlib
import re
from pathlib import PurePosixPath
from typing import BinaryIO

_LINE = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{64}) [ *](?P<name>.+)")
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}
_CHUNK = 1 << 20


def sha256(stream: BinaryIO) -> str:
    """The digest of what is left of the stream, in hex, read in chunks."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def parse_sums(text: str) -> dict[str, str]:
    """Name → lower-case hex digest; text (two spaces) and binary (` *`) lines, escaped names, `./`
    in front of a name.

    Raises ValueError naming the first line that is not `<64 hex digits>  <name>`.
    """
    sums: dict[str, str] = {}
    for number, ended in enumerate(text.removesuffix("\n").split("\n"), start=1):
        line = ended.removesuffix("\r")
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(
                f"line {number}: found {line[:80]!r}, expected '<64 hex digits>  <file name>'"
            )
        sums[name_in(match)] = match["digest"].lower()
    return sums


def name_in(line: re.Match[str]) -> str:
    """Return the file name of a line of checksums, without its escapes."""
    name = line["name"]
    if line["escaped"]:
        name = re.sub(r"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], name)
    return str(PurePosixPath(name))


def format_sums(sums: dict[str, str]) -> str:
    """What `sha256sum` would have written for these names (text mode, ascending by name)."""
    return "".join(_line(name, digest) for name, digest in sorted(sums.items()))


def _line(name: str, digest: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return ("\\" if escaped != name else "") + f"{digest}  {escaped}\n"
