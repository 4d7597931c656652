"""Rows out of Postgres at bulk speed: `COPY … TO STDOUT (FORMAT binary)` read by numpy, no Python
object a row.
"""

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

import numpy as np
from psycopg import sql
from psycopg.copy import QueuedLibpqWriter

from recsys.db.connect import Connection
from recsys.db.receive import receive
from recsys.errors import RecsysError

#: What a binary COPY begins and ends with: signature, flags, extension length; int16 -1.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
ROWS_A_WRITE = 1_000  # a thousand writes wait at most, of 74 bytes a row and less

#: What a column may be: Postgres type of the same width, big-endian on the wire, never NULL.
WIRE = {
    "bigint": ">i8",
    "integer": ">i4",
    "real": ">f4",
    "double precision": ">f8",
    "timestamptz": ">i8",
}
_YEAR_2000 = np.datetime64("2000-01-01")  # from which Postgres counts microseconds
#: Microseconds from 1970 to then.
TO_2000 = _YEAR_2000.astype("datetime64[us]").astype(np.int64)


def read_arrays(
    conn: Connection, query: LiteralString, params: Mapping[str, Any], columns: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Return the query's rows as one native array a column. `columns`: name → Postgres type, in the
    query's order, none NULL; a timestamptz becomes a datetime64[us].

    At its peak it takes twice the arrays' memory, as their parts are joined, and a few MB of what
    was sent. Raises RecsysError where a row is NULL or of another width, as the layout would then
    be misread.
    """
    decoder = _Decoder(columns)
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(sql.SQL(query))
    rest = receive(conn, statement, params, decoder.take)
    if rest != TRAILER:
        raise RecsysError(
            f"a binary COPY of {list(columns)} ends with {len(rest)} bytes, which is not a row of "
            f"{decoder.layout.itemsize}:"
            " a NULL, or another type"
        )
    return decoder.arrays()


class _Decoder:
    """Native arrays out of a binary COPY that comes in pieces."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = columns
        self.parts: dict[str, list[np.ndarray]] = {name: [] for name in columns}
        self.header_bytes = len(HEADER)
        self.layout = _layout({name: WIRE[kind] for name, kind in columns.items()})

    def take(self, wire: bytearray) -> None:
        """Decode the whole rows at the front of `wire`, and remove them from it."""
        del wire[: self.header_bytes]
        self.header_bytes = 0
        rows = np.frombuffer(wire, self.layout, count=len(wire) // self.layout.itemsize)
        for name in self.columns:
            self.parts[name].append(self._values(rows, name))
        n_bytes = rows.nbytes
        del rows  # a buffer that somebody looks at cannot be cut
        del wire[:n_bytes]

    def arrays(self) -> dict[str, np.ndarray]:
        """Join each column's parts, and free them as soon as they are one: to be called once."""
        return {name: np.concatenate(self.parts.pop(name)) for name in self.columns}

    def _values(self, rows: np.ndarray, name: str) -> np.ndarray:
        """Return one column of the rows in the machine's own byte order."""
        kind = self.columns[name]
        if not (rows[f"_len_{name}"] == self.layout[name].itemsize).all():
            raise RecsysError(f"column {name!r} of a binary COPY has a NULL, or is not {kind}")
        values = rows[name].astype(self.layout[name].newbyteorder("="))
        return (values + TO_2000).view("datetime64[us]") if kind == "timestamptz" else values


def write_arrays(
    conn: Connection,
    query: LiteralString,
    columns: Mapping[str, np.ndarray | str | int],
    kinds: Mapping[str, str],
) -> None:
    """The reverse: `COPY … FROM STDIN (FORMAT binary)`. A column is an array, or one value that
    every row has.

    `kinds`: name → Postgres type, in the query's order; `text` only for a value that every row has.
    """
    write_batches(conn, query, [columns], kinds)


def write_batches(
    conn: Connection,
    query: LiteralString,
    batches: Iterable[Mapping[str, np.ndarray | str | int]],
    kinds: Mapping[str, str],
) -> None:
    """As `write_arrays`, from batches that are made while the server takes in those before them."""
    with conn.cursor() as cursor, cursor.copy(query, writer=QueuedLibpqWriter(cursor)) as copy:
        copy.write(HEADER)
        for columns in batches:
            rows = on_the_wire(columns, kinds)
            for start in range(0, len(rows), ROWS_A_WRITE):
                copy.write(rows[start : start + ROWS_A_WRITE].tobytes())
        copy.write(TRAILER)


def _layout(types: Mapping[str, str]) -> np.dtype:
    """Return the layout of a row: how many fields it has, then each field's length and value."""
    fields: list[Any] = [("_n", ">i2")]
    for name, wire_type in types.items():
        fields += [(f"_len_{name}", ">i4"), (name, wire_type)]
    return np.dtype(fields)


def on_the_wire(
    columns: Mapping[str, np.ndarray | str | int], kinds: Mapping[str, str]
) -> np.ndarray:
    """Return a structured array of rows, each as binary COPY has it."""
    n_rows = next(len(values) for values in columns.values() if isinstance(values, np.ndarray))
    types = {name: _wire_type(columns[name], kind) for name, kind in kinds.items()}
    rows = np.empty(n_rows, dtype=_layout(types))
    rows["_n"] = len(kinds)
    for name in kinds:
        rows[f"_len_{name}"] = rows.dtype[name].itemsize
        rows[name] = wire_value(columns[name])
    return rows


def _wire_type(value: np.ndarray | str | int, kind: str) -> str:
    return f"S{len(str(value).encode())}" if kind == "text" else WIRE[kind]


def wire_value(value: np.ndarray | str | int) -> Any:
    """Times (datetime64) travel as microseconds since 2000."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, np.ndarray) and value.dtype.kind == "M":
        return (value - _YEAR_2000).astype("timedelta64[us]").astype(np.int64)
    return value
