"""Lines of a published file kept as bytes, and picked by numpy."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CHUNK = 16 << 20
_NEWLINE, _RETURN = b"\n", b"\r"


@dataclass(frozen=True)
class Lines:
    """Whole lines of one chunk: line i is `data[starts[i]:ends[i]]`, its line end included."""

    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def pick(self, chosen: np.ndarray) -> bytes:
        """Return the bytes of the lines at the indices `chosen`, one after the other."""
        lengths = self.ends[chosen] - self.starts[chosen]
        before = np.cumsum(lengths) - lengths
        places = np.repeat(self.starts[chosen] - before, lengths) + np.arange(lengths.sum())
        return self.data[places].tobytes()


def read_lines(stream: io.BufferedReader, *, chunk: int = CHUNK) -> Iterator[Lines]:
    """Yield the stream's lines, a chunk at a time. LF or CRLF ends one, or CR in a file that has
    nothing else, as for ingest.
    """
    line_end = _line_end(stream.peek(1))
    parts: list[bytes] = []
    while block := stream.read(chunk):
        end = block.rfind(line_end) + 1
        parts.append(block[:end] if end else block)
        if end:
            yield _lines(b"".join(parts), line_end)
            parts = [block[end:]]
    rest = b"".join(parts)
    if rest:
        yield _lines(rest, line_end)


def _line_end(head: bytes) -> bytes:
    return _RETURN if b"\r" in head[:-1] and b"\n" not in head else _NEWLINE


def _lines(data: bytes, line_end: bytes) -> Lines:
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == ord(line_end)) + 1
    if not len(ends) or ends[-1] < len(array):
        ends = np.append(ends, len(array))
    starts = np.append(0, ends[:-1])
    return Lines(array, starts.astype(np.int64), ends.astype(np.int64))
