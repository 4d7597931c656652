"""Published bytes as text that Postgres can hold: UTF-8 without a zero byte."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa


def as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with its columns of bytes as text. Raises pa.ArrowInvalid where a value is
    none.
    """
    text = {name: batch[name].cast(pa.string()) for name in _byte_columns(batch)}
    if any(holds_byte(column, b"\0") for column in text.values()):
        raise pa.ArrowInvalid("a zero byte")
    return pa.RecordBatch.from_pydict({"line": batch["line"], **text})


def rows_without_text(batch: pa.RecordBatch) -> np.ndarray:
    """Return one boolean a row: whether one of its values is no text."""
    bad = np.zeros(batch.num_rows, dtype=bool)
    for name in _byte_columns(batch):
        values = batch[name]
        for row in beyond_ascii(values):
            bad[row] |= not is_text(values[row].as_py())
    return bad


def shown(content: bytes) -> str:
    """Return text that Postgres can hold: what is none is shown as `\\xe9`."""
    return content.decode(errors="backslashreplace").replace("\0", "\\x00")


def holds_byte(column: pa.BinaryArray | pa.StringArray, byte: bytes) -> bool:
    """Return whether a value has this byte. Looks at all values' bytes as they lie in memory: to
    look at each value takes many times as long.
    """
    return bool((_stored(column).data == ord(byte)).any())


class _Stored(NamedTuple):
    """The bytes of a column's values, one after the other, and where each begins and ends."""

    data: np.ndarray
    bounds: np.ndarray


def _stored(column: pa.BinaryArray | pa.StringArray) -> _Stored:
    _, offsets, data = column.buffers()
    if not len(column) or data is None:
        return _Stored(np.empty(0, np.uint8), np.zeros(1, np.int32))
    bounds = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1]
    return _Stored(np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]], bounds)


def beyond_ascii(values: pa.BinaryArray) -> list[int]:
    """The rows that have a zero byte or one beyond ASCII."""
    stored = _stored(values)
    suspect = np.flatnonzero(stored.data.view(np.int8) <= 0)
    ends = stored.bounds - stored.bounds[0]
    return np.unique(np.searchsorted(ends, suspect, side="right") - 1).tolist()


def _byte_columns(batch: pa.RecordBatch) -> list[str]:
    return [name for name in batch.schema.names if name != "line"]


def is_text(value: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in value
