"""Find the rows in a block of lines, and what is wrong with those that are none: columns, quotes,
line ends.

Quotes are as in RFC 4180: one that begins a value ends with it, and is written twice inside.
Elsewhere a quote is a letter, as in `12" Record`. What follows a closing quote (`"Broken" Quote`)
belongs to no value: such a row is bad, and so is a line whose quote is not closed. The next line is
a row again, so that one quote never takes the rows after it along.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from recsys.drops.lines import LONGEST, SHOWN

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'

STRAY = "text after a closing quote: a quote inside a value is written twice"
UNCLOSED = "a quote is opened and not closed"
RETURN = "a line break (CR) inside the row"


class Fault(NamedTuple):
    """A row that is none: its line, counted from the block's first, what is wrong, and its bytes
    without line end.
    """

    line: int
    reason: str
    content: bytes


@dataclass(frozen=True)
class Rows:
    """The rows of a block. `lines`: where each begins, counted from the block's first; `rest`: a
    row that is not all there.
    """

    data: bytes
    lines: np.ndarray
    faults: list[Fault]
    rest: bytes


def is_plain(data: bytes, delimiter: bytes, *, quoted: bool) -> bool:
    """Whether each line is one row as far as quotes and line ends go. Quick: most blocks have
    neither quote nor CR.
    """
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return False
    if not quoted or b'"' not in data:
        return True
    text = np.frombuffer(data, np.uint8)
    return not len(
        _unusual_lines(text, _places(text, _QUOTE), _places(text, _NEWLINE) + 1, delimiter[0])
    )


def find_rows(
    data: bytes, delimiter: bytes, n_columns: int, *, quoted: bool, ends_all: bool
) -> Rows:
    """The rows of a block of whole lines, and its faults. Linear in its bytes.

    Where the last row goes on in the next block (`ends_all` says that none does), it is the `rest`.
    """
    scan = _Scan(data, delimiter[0], n_columns, quoted=quoted, ends_all=ends_all)
    scan.run()
    return scan.rows()


def _places(text: np.ndarray, byte: int) -> np.ndarray:
    return np.flatnonzero(text == byte)


def _unusual_lines(
    text: np.ndarray, quotes: np.ndarray, ends: np.ndarray, delimiter: int
) -> np.ndarray:
    """Lines, ascending, in which not every quote opens a value, closes it or stands there twice.
    `ends`: of all lines.
    """
    line = np.searchsorted(ends, quotes, side="right")
    first = np.searchsorted(line, line)
    is_odd = (np.arange(len(quotes)) - first) % 2 == 1
    before = np.where(quotes > 0, text[quotes - 1], _NEWLINE)
    after = text[quotes + 1]
    opens = (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)
    closes = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    last = np.append(line[1:] != line[:-1], True)
    bad = np.where(is_odd, ~closes, ~opens | last)
    return np.unique(line[bad])


class _Scan:
    """Line by line where a line is unusual, by counting in the whole block where it is not."""

    def __init__(
        self, data: bytes, delimiter: int, n_columns: int, *, quoted: bool, ends_all: bool
    ) -> None:
        text = np.frombuffer(data, np.uint8)
        self._data = data
        self._delimiter = delimiter
        self._n_columns = n_columns
        self._ends_all = ends_all
        ends = _places(text, _NEWLINE) + 1
        delimiters = _places(text, delimiter)
        returns = _places(text, _RETURN)
        returns = returns[text[returns + 1] != _NEWLINE]
        quotes = _places(text, _QUOTE) if quoted else np.empty(0, np.int64)
        with_returns = np.searchsorted(ends, returns, side="right")
        self._unusual = np.union1d(
            _unusual_lines(text, quotes, ends, delimiter), with_returns
        ).tolist()
        self._columns = _columns(delimiters, quotes, ends)
        self._ends: list[int] = ends.tolist()
        self._starts = [0, *self._ends[:-1]]
        self._last_lines = np.arange(len(ends))  # of the row that begins in a line
        self._n_lines = len(ends)
        self._reasons: dict[int, str] = {}
        if self._unusual:
            self._delimiters: list[int] = delimiters.tolist()
            self._returns: list[int] = returns.tolist()
            self._quotes: list[int] = quotes.tolist()

    def run(self) -> None:
        """Judge each unusual line that is not part of the row before it."""
        free = 0
        for line in self._unusual:
            if line < free:
                continue
            last = self._judge(line)
            if last is None:
                self._n_lines = line
                return
            free = last + 1
            self._last_lines[line] = last

    def rows(self) -> Rows:
        """What was found."""
        n_lines = self._n_lines
        is_row = np.ones(n_lines, dtype=bool)
        for line in np.flatnonzero(self._last_lines[:n_lines] > np.arange(n_lines)):
            is_row[line + 1 : self._last_lines[line] + 1] = False
        faults = [
            Fault(line, reason, self._content(line)) for line, reason in self._reasons.items()
        ]
        is_row[list(self._reasons)] = False
        for line in np.flatnonzero(is_row & (self._columns[:n_lines] != self._n_columns)).tolist():
            is_row[line] = False
            if self._content(line):
                reason = f"{self._columns[line]} columns, expected {self._n_columns}"
                faults.append(Fault(line, reason, self._content(line)))
        lines = np.flatnonzero(is_row)
        rest = self._data[self._starts[n_lines] :] if n_lines < len(self._starts) else b""
        return Rows(self._join(lines), lines, sorted(faults), rest)

    def _content(self, line: int) -> bytes:
        end = self._ends[self._last_lines[line]]
        return self._data[self._starts[line] : min(end, self._starts[line] + SHOWN)].rstrip(b"\r\n")

    def _join(self, lines: np.ndarray) -> bytes:
        """The bytes of the rows that begin in these lines: as few pieces as there are gaps."""
        if not len(lines):
            return b""
        gaps = np.flatnonzero(lines[1:] != self._last_lines[lines[:-1]] + 1) + 1
        bounds = [0, *gaps.tolist(), len(lines)]
        firsts = lines.tolist()
        lasts = self._last_lines[lines].tolist()
        return (b"").join(
            self._data[self._starts[firsts[i]] : self._ends[lasts[j - 1]]]
            for i, j in pairwise(bounds)
        )

    def _judge(self, line: int) -> int | None:
        """Read a row from its first byte on; return its last line, None where it goes on in the
        next block.
        """
        row = self._starts[line]
        at, last, columns = row, line, 1
        while True:
            quote = self._next_opening(at, row, self._ends[last])
            columns += self._count(self._delimiters, at, quote)
            if self._count(self._returns, at, quote):
                return self._is_bad(line, RETURN)
            if quote == self._ends[last]:
                self._columns[line] = columns
                return last
            closing = self._closing(quote)
            if closing is None:
                if self._ends_all or len(self._data) - 1 - row > LONGEST:
                    return self._is_bad(line, UNCLOSED)
                return None
            goes_on = closing >= self._ends[last]
            last = bisect_right(self._ends, closing)
            # A row that has its columns does not go on: else each of many such lines would be read
            # to the block's end.
            if goes_on and (columns > self._n_columns or self._ends[last] - 1 - row > LONGEST):
                return self._is_bad(line, UNCLOSED)
            if not self._ends_value(closing + 1):
                return self._is_bad(line, UNCLOSED if goes_on else STRAY)
            at = closing + 1

    def _is_bad(self, line: int, reason: str) -> int:
        """Set the line aside alone."""
        self._reasons[line] = reason
        return line

    def _next_opening(self, at: int, row: int, end: int) -> int:
        """The next quote that begins a value, `end` where there is none before it."""
        for place in range(bisect_left(self._quotes, at), bisect_left(self._quotes, end)):
            quote = self._quotes[place]
            if quote == row or self._data[quote - 1] == self._delimiter:
                return quote
        return end

    def _closing(self, opening: int) -> int | None:
        """The quote that ends the value which this one begins: the first that is not one of two in
        a row.
        """
        place = bisect_left(self._quotes, opening) + 1
        while place < len(self._quotes):
            quote = self._quotes[place]
            if self._data[quote + 1] != _QUOTE:
                return quote
            place += 2
        return None

    def _ends_value(self, place: int) -> bool:
        byte = self._data[place]
        return byte in (self._delimiter, _NEWLINE) or self._data[place : place + 2] == b"\r\n"

    def _count(self, places: list[int], start: int, end: int) -> int:
        return bisect_left(places, end) - bisect_left(places, start)


def _columns(delimiters: np.ndarray, quotes: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many columns each line has, if none is unusual."""
    if not len(quotes):
        return np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
    line = np.searchsorted(ends, delimiters, side="right")
    quotes_before = np.searchsorted(quotes, np.append(0, ends[:-1]))
    inside = (np.searchsorted(quotes, delimiters) - quotes_before[line]) % 2 == 1
    return np.bincount(line[~inside], minlength=len(ends)) + 1
