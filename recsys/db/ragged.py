"""Rows with arrays into Postgres at bulk speed: a binary COPY made by numpy, no Python object a
row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

import numpy as np
from psycopg.copy import QueuedLibpqWriter

from recsys.db.arrays import HEADER, ROWS_A_WRITE, TRAILER, WIRE, wire_value
from recsys.db.connect import Connection

#: The type of an array's elements, by its number in pg_type, which every server has.
_OIDS = {"bigint": 20, "real": 700}


@dataclass(frozen=True)
class ArrayColumn:
    """A column of R arrays: of row r the first `lengths[r]` of `values[r]`. `is_null` (R, n): which
    elements are NULL.
    """

    values: np.ndarray
    lengths: np.ndarray
    is_null: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def part(self, rows: slice) -> "ArrayColumn":
        """Return these rows of it."""
        is_null = None if self.is_null is None else self.is_null[rows]
        return ArrayColumn(self.values[rows], self.lengths[rows], is_null)


#: Of all rows, or one value that every row has; None is NULL.
RaggedColumn = np.ndarray | ArrayColumn | str | int | None


@dataclass(frozen=True)
class Field:
    """One field of R rows: `wire` (R, W) bytes as the longest row has them, and which of them each
    row has, `is_there` (R, W).
    """

    wire: np.ndarray
    is_there: np.ndarray


def write_ragged(
    conn: Connection,
    query: LiteralString,
    columns: Mapping[str, RaggedColumn],
    kinds: Mapping[str, str],
) -> int:
    """`COPY … FROM STDIN (FORMAT binary)` of rows with arrays. `kinds`: name → Postgres type, in
    the query's order, of an array `bigint[]` or `real[]`; `text` only for a value that every row
    has. Returns how many rows.
    """
    n_rows = len(next(each for each in columns.values() if isinstance(each, np.ndarray)))
    with conn.cursor() as cursor, cursor.copy(query, writer=QueuedLibpqWriter(cursor)) as copy:
        copy.write(HEADER)
        for start in range(0, n_rows, ROWS_A_WRITE):
            rows = slice(start, start + ROWS_A_WRITE)
            copy.write(rows_on_the_wire(columns, kinds, rows))
        copy.write(TRAILER)
    return n_rows


def rows_on_the_wire(
    columns: Mapping[str, RaggedColumn], kinds: Mapping[str, str], rows: slice
) -> bytes:
    """Return some rows as binary COPY has them."""
    parts = {name: _part(columns[name], rows) for name in kinds}
    n_rows = len(next(each for each in parts.values() if isinstance(each, np.ndarray)))
    fields = [_always(np.full(n_rows, len(kinds), dtype=">i2"))]
    fields += [_field(parts[name], kind, n_rows) for name, kind in kinds.items()]
    wire = np.hstack([field.wire for field in fields])
    return wire[np.hstack([field.is_there for field in fields])].tobytes()


def _part(column: RaggedColumn, rows: slice) -> RaggedColumn:
    if isinstance(column, ArrayColumn):
        return column.part(rows)
    return column[rows] if isinstance(column, np.ndarray) else column


def _field(column: RaggedColumn, kind: str, n_rows: int) -> Field:
    if isinstance(column, ArrayColumn):
        return _arrays(column, kind.removesuffix("[]"))
    if column is None:
        return _always(np.full(n_rows, -1, dtype=">i4"))
    wire_type = f"S{len(str(column).encode())}" if kind == "text" else WIRE[kind]
    values = np.empty(n_rows, dtype=[("length", ">i4"), ("value", wire_type)])
    values["length"] = values.dtype["value"].itemsize
    values["value"] = wire_value(column)
    return _always(values)


def _always(values: np.ndarray) -> Field:
    """Return a field that has all of its bytes in each row."""
    wire = values.view(np.uint8).reshape(len(values), -1)
    return Field(wire, np.ones(wire.shape, dtype=bool))


def _arrays(column: ArrayColumn, kind: str) -> Field:
    """Return arrays as the server sends them: how many bytes follow; dimensions, whether a NULL is
    inside, the elements' type; size and lower bound, unless it is empty; then each element with its
    own length.
    """
    n_rows, longest = column.values.shape
    has = np.arange(longest) < column.lengths[:, None]
    is_set = has if column.is_null is None else has & ~column.is_null
    elements = _elements(column.values, is_set, kind)
    is_long = np.repeat(has[:, :, None], elements.shape[2], axis=2)
    is_long[:, :, 4:] &= is_set[:, :, None]
    is_filled = column.lengths > 0
    n_bytes = is_long.sum(axis=(1, 2)) + np.where(is_filled, 20, 12)
    head = np.stack(
        [
            n_bytes,
            is_filled,
            (has & ~is_set).any(axis=1),
            np.full(n_rows, _OIDS[kind]),
            column.lengths,
            np.ones(n_rows, dtype=np.int64),
        ],
        axis=1,
    ).astype(">i4")
    is_there = np.ones((n_rows, 24), dtype=bool)
    is_there[:, 16:] = is_filled[:, None]
    return Field(
        np.hstack([head.view(np.uint8), elements.reshape(n_rows, -1)]),
        np.hstack([is_there, is_long.reshape(n_rows, -1)]),
    )


def _elements(values: np.ndarray, is_set: np.ndarray, kind: str) -> np.ndarray:
    """Return (R, n, 4 + bytes of the type): each element's length, −1 for a NULL, and value."""
    elements = np.empty(values.shape, dtype=[("length", ">i4"), ("value", WIRE[kind])])
    elements["length"] = np.where(is_set, elements.dtype["value"].itemsize, -1)
    elements["value"] = values
    return elements.view(np.uint8).reshape(*values.shape, -1)
