"""Lines of MovieLens files kept as bytes: cut into records, read for their ids and times, and picked, all by numpy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

CHUNK = 16 << 20
_NEWLINE, _RETURN, _QUOTE, _ZERO = b'\n\r"0'
_LONGEST_INTEGER = 18  # digits that always fit an int64


@dataclass(frozen=True)
class Records:
    """Whole records of one chunk: record i is `data[starts[i]:ends[i]]`, its line end included."""

    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def pick(self, chosen: np.ndarray) -> bytes:
        """The bytes of the records at the indices `chosen`, one after the other."""
        lengths = self.ends[chosen] - self.starts[chosen]
        before = np.cumsum(lengths) - lengths
        places = np.repeat(self.starts[chosen] - before, lengths) + np.arange(lengths.sum())
        return self.data[places].tobytes()

    def first_integers(self, count: int, separator: int) -> list[np.ndarray]:
        """The first `count` fields of each record, int64, -1 where a field does not begin with a digit."""
        fields, at = [], self.starts
        for _ in range(count):
            value, end = self._integers(at)
            fields.append(value)
            at = end + separator
        return fields

    def last_integer(self) -> np.ndarray:
        """The digits that each record ends with, int64, -1 where there is none."""
        end = self.ends.copy()
        for stop in (_NEWLINE, _RETURN):
            end -= self.data[np.maximum(end - 1, 0)] == stop
        value, factor = np.full(len(self), -1), 1
        for _ in range(_LONGEST_INTEGER):
            end -= 1
            digit = self._digit(end)
            digit[end < self.starts] = -1
            if (digit < 0).all():
                break
            end[digit < 0] = -1  # stays off the record: a digit before a gap is not of this number
            value = np.where(digit >= 0, np.maximum(value, 0) + digit * factor, value)
            factor *= 10
        return value

    def _integers(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, at, going = np.full(len(self), -1), at.copy(), np.ones(len(self), dtype=bool)
        for _ in range(_LONGEST_INTEGER):
            digit = self._digit(at)
            going &= (digit >= 0) & (at < self.ends)
            if not going.any():
                break
            value = np.where(going, np.maximum(value, 0) * 10 + digit, value)
            at += going
        return value, at

    def _digit(self, at: np.ndarray) -> np.ndarray:
        inside = (at >= 0) & (at < len(self.data))
        digit = self.data[np.where(inside, at, 0)].astype(np.int64) - _ZERO
        return np.where(inside & (digit >= 0) & (digit <= 9), digit, -1)


def read_records(stream: BinaryIO, *, quoted: bool, chunk: int = CHUNK) -> Iterator[Records]:
    """The stream's records, a chunk at a time. `quoted`: a line end between double quotes ends no record (RFC 4180)."""
    rest = b""
    while block := stream.read(chunk):
        data = np.frombuffer(rest + block, dtype=np.uint8)
        ends = _line_ends(data, quoted)
        whole = int(ends[-1]) if len(ends) else 0
        rest = data[whole:].tobytes()
        if whole:
            yield _records(data[:whole], ends)
    if rest:
        yield _records(np.frombuffer(rest, dtype=np.uint8), np.array([len(rest)]))


def _line_ends(data: np.ndarray, quoted: bool) -> np.ndarray:
    newline = data == _NEWLINE
    quotes = data == _QUOTE
    if quoted and quotes.any():
        newline &= np.bitwise_xor.accumulate(quotes) == 0
    return np.flatnonzero(newline) + 1


def _records(data: np.ndarray, ends: np.ndarray) -> Records:
    return Records(data, np.concatenate([[0], ends[:-1]]).astype(np.int64), ends.astype(np.int64))
