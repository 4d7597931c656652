"""Rows as values with types: what leaves a query leaves it as one of our classes.

`fetch_…` returns what must be there and raises where it is not; `find_…` returns None instead.
A class's fields are the query's columns.
"""

from typing import LiteralString, TypeAlias, TypeVar

from psycopg.abc import Params
from psycopg.rows import class_row, scalar_row
from psycopg.sql import SQL, Composed

from recsys.db.connect import Connection
from recsys.errors import RecsysError

Query: TypeAlias = LiteralString | SQL | Composed
Row = TypeVar("Row")
Value = TypeVar("Value")


def fetch_rows(
    conn: Connection,
    kind: type[Row],
    query: Query,
    params: Params | None = None,
    *,
    binary: bool = False,
) -> list[Row]:
    """Return all rows of a query; `binary` where they are long bytes, which are text else."""
    with conn.cursor(binary=binary, row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, params).fetchall()


def find_row(
    conn: Connection, kind: type[Row], query: Query, params: Params | None = None
) -> Row | None:
    """Return the first row of a query, None where it has none."""
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, params).fetchone()


def fetch_row(conn: Connection, kind: type[Row], query: Query, params: Params | None = None) -> Row:
    """Return the row of a query that always has one. Raises RecsysError where it has none."""
    row = find_row(conn, kind, query, params)
    if row is None:
        raise RecsysError(_nothing(query, params))
    return row


def fetch_values(
    conn: Connection, kind: type[Value], query: Query, params: Params | None = None
) -> list[Value]:
    """Return the first column of all rows. Raises RecsysError where one is not of that type."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        values = cursor.execute(query, params).fetchall()
    return [_checked(value, kind, query) for value in values]


def find_value(
    conn: Connection, kind: type[Value], query: Query, params: Params | None = None
) -> Value | None:
    """Return the first column of the first row, None where there is no row or it is NULL.

    Raises RecsysError where it is not of that type.
    """
    with conn.cursor(row_factory=scalar_row) as cursor:
        value = cursor.execute(query, params).fetchone()
    return None if value is None else _checked(value, kind, query)


def fetch_value(
    conn: Connection, kind: type[Value], query: Query, params: Params | None = None
) -> Value:
    """Return the first column of the row of a query that always has one, of that type, not NULL.

    Raises RecsysError where it is none of this.
    """
    value = find_value(conn, kind, query, params)
    if value is None:
        raise RecsysError(_nothing(query, params))
    return value


def _checked(value: object, kind: type[Value], query: Query) -> Value:
    if not isinstance(value, kind):
        raise RecsysError(
            f"a query has a value of another type: found {value!r}, expected {kind.__name__}; "
            f"the query is {_shown(query)}"
        )
    return value


def _nothing(query: Query, params: Params | None) -> str:
    return f"a query that always returns a row returned none: {_shown(query)} with {params}"


def _shown(query: Query) -> str:
    return repr(str(query)[:80])
