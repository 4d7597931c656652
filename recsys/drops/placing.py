"""The drop of each line of a published file."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

#: Of a line of no drop, and of a line in which no row begins.
NO_DROP = -1
_NO_ROW = -2


class PlacedRows(NamedTuple):
    """The lines in which rows begin, ascending, and the drop of each."""

    lines: np.ndarray
    drops: np.ndarray

    def and_then(self, others: "PlacedRows") -> "PlacedRows":
        """Return these rows and those after them."""
        pairs = zip(self, others, strict=True)
        return PlacedRows(*(np.concatenate(pair) for pair in pairs))


class Placing:
    """The drop of each line of a file, NO_DROP of lines of no drop. A line in which no row begins
    goes with the row before it.
    """

    def __init__(self, rows: Iterator[PlacedRows], bad: np.ndarray, *, n_drops: int) -> None:
        self.n_rows = np.zeros(n_drops, dtype=np.int64)
        self._rows = rows
        self._bad = bad
        self._next = PlacedRows(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        self._before = NO_DROP
        self._is_at_end = False

    def of(self, first: int, count: int) -> np.ndarray:
        """Return the drops of `count` lines, from line `first` on."""
        self.read_to(first + count - 1)
        drops = np.full(count, _NO_ROW)
        rows = self.take_before(first + count)
        drops[rows.lines - first] = rows.drops
        drops[self.bad_between(first, first + count) - first] = NO_DROP
        drops = filled(drops, self._before)
        self._before = int(drops[-1])
        return drops

    def take_before(self, line: int) -> PlacedRows:
        """The rows that were read and begin before a line; the others are the next."""
        lines, drops = self._next
        n_rows = np.searchsorted(lines, line)
        self._next = PlacedRows(lines[n_rows:], drops[n_rows:])
        return PlacedRows(lines[:n_rows], drops[:n_rows])

    def bad_between(self, first: int, end: int) -> np.ndarray:
        return self._bad[np.searchsorted(self._bad, first) : np.searchsorted(self._bad, end)]

    def read_to(self, line: int) -> None:
        while not self._is_at_end and not self.has_read(line):
            part = next(self._rows, None)
            if part is None:
                self._is_at_end = True
                return
            self._next = self._next.and_then(part)
            self.n_rows += np.bincount(part.drops, minlength=len(self.n_rows))

    def has_read(self, line: int) -> bool:
        lines = self._next.lines
        return bool(len(lines) and lines[-1] >= line)


def filled(drops: np.ndarray, before: int) -> np.ndarray:
    """The drops, those of lines without a row as of the line before."""
    if drops[0] == _NO_ROW:
        drops[0] = before
    is_row = drops != _NO_ROW
    return drops[np.maximum.accumulate(np.where(is_row, np.arange(len(drops)), 0))]
