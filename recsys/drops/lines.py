"""Cut a publisher's file into blocks of whole lines, and leave out those that are too long to be
rows.
"""

from dataclasses import dataclass
from io import BufferedReader

import numpy as np

#: Bytes in a row. The longest of any release has some thousand; without a bound, one file could
#: take all memory.
LONGEST = 1 << 20
#: Bytes of a bad row that are kept to show it.
SHOWN = 2000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole lines, each with its line end. `line`: the number of the first, from 1."""

    data: bytes
    line: int
    ends_all: bool
    """Whether no value goes on after it: it is the last, or what follows is no row."""


@dataclass(frozen=True)
class LongLine:
    """A line over LONGEST that was left out."""

    line: int
    n_bytes: int
    beginning: bytes


class LineBlocks:
    """The lines of a stream, a block at a time: LF or CRLF ends one, or CR in a file that has
    nothing else.

    Text in latin-1 becomes UTF-8. A caller that cannot use the end of a block yet hands it back.
    """

    def __init__(self, stream: BufferedReader, block_bytes: int, *, encoding: str = "utf8") -> None:
        head = stream.peek(1)
        self._stream = stream
        self._block_bytes = block_bytes
        self._is_latin_1 = encoding == "latin-1"
        self._ends_in_cr = b"\r" in head[:-1] and b"\n" not in head
        self._has_bom = head.startswith(_BOM)
        self._line = 1
        self._rest = b""
        self._at_end = False

    def first_line(self) -> bytes:
        """Take the first line off, without its line end."""
        first, _, self._rest = self._convert(self._stream.readline(LONGEST + 1)).partition(b"\n")
        self._line += 1
        return first.rstrip(b"\r")

    def next(self) -> Block | LongLine | None:
        """The next lines, None at the end."""
        while self._more() and b"\n" not in self._rest and len(self._rest) <= LONGEST:
            pass
        if not self._rest:
            return None
        long = first_long_line(self._rest)
        if long == 0:
            return self._long_line()
        return self.take(
            self._rest.rfind(b"\n") + 1 if long is None else long, ends_all=long is not None
        )

    def hand_back(self, data: bytes) -> None:
        """The last lines of the block that came last: they come again, with what follows them."""
        self._rest = data + self._rest
        self._line -= _n_lines(data)

    def take(self, end: int, *, ends_all: bool) -> Block:
        data, self._rest = self._rest[:end], self._rest[end:]
        block = Block(data, self._line, ends_all or self._at_end)
        self._line += _n_lines(data)
        return block

    def _long_line(self) -> LongLine:
        """Read on to the line's end, keeping its beginning alone."""
        beginning = self._rest[:SHOWN]
        n_bytes = 0
        while (end := self._rest.find(b"\n")) < 0:
            n_bytes += len(self._rest)
            self._rest = b""
            if not self._more():
                end = 0
                break
        self._rest = self._rest[end + 1 :]
        self._line += 1
        return LongLine(self._line - 1, n_bytes + end, beginning)

    def _more(self) -> bool:
        """Read on, False at the end of the file: then its last line is given the end that it may
        lack.
        """
        n_bytes = self._block_bytes - len(self._rest)
        # What was handed back is looked at again: never for the sake of a few bytes more.
        chunk = self._stream.read(n_bytes if 2 * n_bytes > self._block_bytes else self._block_bytes)
        self._rest += self._convert(chunk)
        if not chunk:
            self._at_end = True
            if self._rest and not self._rest.endswith(b"\n"):
                self._rest += b"\n"
        return bool(chunk)

    def _convert(self, chunk: bytes) -> bytes:
        if self._has_bom:
            chunk = chunk.removeprefix(_BOM)
            self._has_bom = False
        if self._ends_in_cr:
            chunk = chunk.replace(b"\r", b"\n")
        if self._is_latin_1 and not chunk.isascii():
            chunk = chunk.decode("latin-1").encode()
        return chunk


def _n_lines(data: bytes) -> int:
    """As data.count(b"\\n"), which takes several times as long where lines are short."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))


def first_long_line(data: bytes) -> int | None:
    """Where the first line over LONGEST begins. Looks only at as many places as LONGEST goes into
    the data.
    """
    start = 0
    while len(data) - start > LONGEST:
        end = data.rfind(b"\n", start, start + LONGEST + 1)
        if end < 0:
            return start
        start = end + 1
    return None
