"""Find the rows in a block of lines, and what is wrong with those that are none: columns, quotes,
line ends.

Quotes are as in RFC 4180: one that begins a value ends with it, and is written twice inside.
Elsewhere a quote is a letter, as in `12" Record`. What follows a closing quote (`"Broken" Quote`)
belongs to no value: such a row is bad, and so is a line whose quote is not closed. The next line is
a row again, so that one quote never takes the rows after it along.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

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
    quotes = _places(text, _QUOTE)
    return not len(_odd_lines(text, quotes, _places(text, _NEWLINE) + 1, delimiter[0]))


def find_rows(
    data: bytes, delimiter: bytes, n_columns: int, *, quoted: bool, ends_all: bool
) -> Rows:
    """The rows of a block of whole lines, and its faults. Linear in its bytes.

    Where the last row goes on in the next block (`ends_all` says that none does), it is the `rest`.
    """
    places = _Places.of(np.frombuffer(data, np.uint8), delimiter[0], quoted=quoted)
    scan = _Scan(data, places, n_columns, ends_all=ends_all)
    scan.run()
    return scan.rows()


def _places(text: np.ndarray, byte: int) -> np.ndarray:
    return np.flatnonzero(text == byte)


def _odd_lines(
    text: np.ndarray, quotes: np.ndarray, ends: np.ndarray, delimiter: int
) -> np.ndarray:
    """Lines, ascending, in which not every quote opens a value, closes it or stands there twice.
    `ends`: of all lines.
    """
    line = np.searchsorted(ends, quotes, side="right")
    n_before = np.arange(len(quotes)) - np.searchsorted(line, line)
    is_last = np.append(line[1:] != line[:-1], True)
    cannot_open = ~opens_field(text, quotes, delimiter) | is_last
    bad = np.where(n_before % 2 == 1, ~closes_field(text, quotes, delimiter), cannot_open)
    return np.unique(line[bad])


def opens_field(text: np.ndarray, quotes: np.ndarray, delimiter: int) -> np.ndarray:
    """Return which quotes begin a field."""
    before = np.where(quotes > 0, text[quotes - 1], _NEWLINE)
    return (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)


def closes_field(text: np.ndarray, quotes: np.ndarray, delimiter: int) -> np.ndarray:
    """Return which quotes end a field."""
    after = text[quotes + 1]
    is_end = (after == _NEWLINE) | (after == _RETURN)
    return is_end | (after == delimiter) | (after == _QUOTE)


@dataclass(frozen=True)
class _Places:
    """Where in a block the bytes are that matter; `ends` are one after each line's end, `returns`
    those before no line's end.
    """

    delimiter: int
    delimiters: np.ndarray
    ends: np.ndarray
    quotes: np.ndarray
    returns: np.ndarray
    odd_lines: np.ndarray

    @classmethod
    def of(cls, text: np.ndarray, delimiter: int, *, quoted: bool) -> Self:
        """Find them."""
        ends = _places(text, _NEWLINE) + 1
        returns = _places(text, _RETURN)
        returns = returns[text[returns + 1] != _NEWLINE]
        quotes = _places(text, _QUOTE) if quoted else np.empty(0, np.int64)
        odd_lines = np.union1d(
            _odd_lines(text, quotes, ends, delimiter),
            np.searchsorted(ends, returns, side="right"),
        )
        return cls(delimiter, _places(text, delimiter), ends, quotes, returns, odd_lines)

    def n_columns(self) -> np.ndarray:
        """How many columns each line has, if none is odd."""
        if not len(self.quotes):
            return np.diff(np.searchsorted(self.delimiters, self.ends), prepend=0) + 1
        line = np.searchsorted(self.ends, self.delimiters, side="right")
        outside = self.quotes_before_delimiters(line) % 2 == 0
        return np.bincount(line[outside], minlength=len(self.ends)) + 1

    def quotes_before_delimiters(self, line: np.ndarray) -> np.ndarray:
        """How many quotes stand before each delimiter in its line."""
        before_line = np.searchsorted(self.quotes, np.append(0, self.ends[:-1]))
        return np.searchsorted(self.quotes, self.delimiters) - before_line[line]


@dataclass
class _Row:
    """A row that is read from its first byte on: up to `at`, which lies in the line `last`."""

    start: int
    at: int
    last: int
    columns: int = 1
    has_return: bool = False


class _Scan:
    """Line by line where a line is odd, by counting in the whole block where it is not."""

    def __init__(self, data: bytes, places: _Places, n_columns: int, *, ends_all: bool) -> None:
        self._data = data
        self._places = places
        self._n_columns = n_columns
        self._ends_all = ends_all
        self._columns = places.n_columns()
        self._ends: list[int] = places.ends.tolist()
        self._starts = [0, *self._ends[:-1]]
        self._last_lines = np.arange(len(self._ends))  # of the row that begins in a line
        self._n_lines = len(self._ends)
        self._reasons: dict[int, str] = {}

    def run(self) -> None:
        """Judge each odd line that is not part of the row before it."""
        free = 0
        for line in self._places.odd_lines.tolist():
            if line < free:
                continue
            last = self._judge(line)
            if last is None:
                self._n_lines = line
                return
            free = last + 1
            self._last_lines[line] = last

    def rows(self) -> Rows:
        """The block's rows and faults."""
        begins_row = self._begins_row()
        faults = [
            Fault(line, reason, self._content(line)) for line, reason in self._reasons.items()
        ]
        faults += self.wrong_columns(begins_row)
        lines = np.flatnonzero(begins_row & (self._columns[: self._n_lines] == self._n_columns))
        return Rows(self._join(lines), lines, sorted(faults), self._rest())

    def _begins_row(self) -> np.ndarray:
        """One boolean a line: whether a row begins in it that is not set aside yet."""
        begins = np.ones(self._n_lines, dtype=bool)
        last_lines = self._last_lines[: self._n_lines]
        for line in np.flatnonzero(last_lines > np.arange(self._n_lines)):
            begins[line + 1 : last_lines[line] + 1] = False
        begins[list(self._reasons)] = False
        return begins

    def wrong_columns(self, begins_row: np.ndarray) -> Iterator[Fault]:
        """The rows with another number of columns; a blank line is none."""
        is_wrong = begins_row & (self._columns[: self._n_lines] != self._n_columns)
        for line in np.flatnonzero(is_wrong).tolist():
            content = self._content(line)
            if content:
                reason = f"{self._columns[line]} columns, expected {self._n_columns}"
                yield Fault(line, reason, content)

    def _rest(self) -> bytes:
        if self._n_lines == len(self._starts):
            return b""
        return self._data[self._starts[self._n_lines] :]

    def _content(self, line: int) -> bytes:
        start = self._starts[line]
        end = self._ends[self._last_lines[line]]
        return self._data[start : min(end, start + SHOWN)].rstrip(b"\r\n")

    def _join(self, lines: np.ndarray) -> bytes:
        """The bytes of the rows that begin in these lines: as few pieces as there are gaps."""
        if not len(lines):
            return b""
        last_lines = self._last_lines[lines]
        is_gap = lines[1:] != last_lines[:-1] + 1
        firsts = lines[np.append(True, is_gap)].tolist()
        lasts = last_lines[np.append(is_gap, True)].tolist()
        return b"".join(map(self.piece, firsts, lasts))

    def piece(self, first: int, last: int) -> bytes:
        return self._data[self._starts[first] : self._ends[last]]

    def _judge(self, line: int) -> int | None:
        """Read a row from its first byte on; return its last line, None where it goes on in the
        next block.
        """
        start = self._starts[line]
        row = _Row(start, start, line)
        while True:
            quote = self.read_to_quote(row)
            if row.has_return:
                return self._set_aside(line, RETURN)
            if quote == self._ends[row.last]:
                self._columns[line] = row.columns
                return row.last
            closing = self._closing(quote)
            if closing is None:
                return self.unclosed(line)
            if reason := self.read_behind(row, closing):
                return self._set_aside(line, reason)

    def read_to_quote(self, row: _Row) -> int:
        """Go on to the next quote that begins a value, or the line's end; return where it is."""
        quote = self.next_opening(row)
        row.columns += _count(self._delimiters, row.at, quote)
        row.has_return = _count(self._returns, row.at, quote) > 0
        return quote

    def read_behind(self, row: _Row, closing: int) -> str:
        """Go on behind a closing quote; return what is wrong there, if anything."""
        goes_on = closing >= self._ends[row.last]
        row.last = bisect_right(self._ends, closing)
        row.at = closing + 1
        # A row that has its columns does not go on: else each of many such lines would be read to
        # the block's end.
        if goes_on and (row.columns > self._n_columns or self.is_long(row)):
            return UNCLOSED
        if self.ends_value(row.at):
            return ""
        return UNCLOSED if goes_on else STRAY

    def is_long(self, row: _Row) -> bool:
        return self._ends[row.last] - 1 - row.start > LONGEST

    def unclosed(self, line: int) -> int | None:
        """Set a row aside whose quote is not closed, unless it may be so in the next block."""
        if self._ends_all or len(self._data) - 1 - self._starts[line] > LONGEST:
            return self._set_aside(line, UNCLOSED)
        return None

    def _set_aside(self, line: int, reason: str) -> int:
        """Set the line aside alone."""
        self._reasons[line] = reason
        return line

    def next_opening(self, row: _Row) -> int:
        """The next quote that begins a value, the line's end where there is none before it."""
        end = self._ends[row.last]
        first = bisect_left(self._quotes, row.at)
        for place in range(first, bisect_left(self._quotes, end)):
            quote = self._quotes[place]
            if quote == row.start or self._data[quote - 1] == self._places.delimiter:
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

    def ends_value(self, place: int) -> bool:
        byte = self._data[place]
        is_end = byte in (self._places.delimiter, _NEWLINE)
        return is_end or self._data[place : place + 2] == b"\r\n"

    # as lists: bisect is used on them, and only where a line is odd

    @cached_property
    def _delimiters(self) -> list[int]:
        return self._places.delimiters.tolist()

    @cached_property
    def _returns(self) -> list[int]:
        return self._places.returns.tolist()

    @cached_property
    def _quotes(self) -> list[int]:
        return self._places.quotes.tolist()


def _count(places: list[int], start: int, end: int) -> int:
    return bisect_left(places, end) - bisect_left(places, start)
