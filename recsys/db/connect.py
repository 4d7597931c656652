"""Connections and the locks that runs side by side share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.rows import namedtuple_row

from recsys.errors import RecsysError
from recsys.settings import Settings

Connection: TypeAlias = psycopg.Connection[Any]


@contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    """An autocommit connection in UTC; what belongs together stands in `with conn.transaction():`."""
    timeout = settings.statement_timeout or timedelta(0)
    options = f"-c timezone=UTC -c statement_timeout={int(timeout.total_seconds() * 1000)}"
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True, options=options, row_factory=namedtuple_row, application_name="recsys") as conn:
        yield conn


@contextmanager
def advisory_lock(conn: Connection, name: LiteralString | str) -> Iterator[None]:
    """Hold the session lock `name`: one holder in the database at a time, released with the connection at the latest."""
    conn.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def one_row(conn: Connection, query: LiteralString, params: Mapping[str, Any] | None = None) -> Any:
    """The one row of a query that always has one. Raises RecsysError where it has none."""
    row = conn.execute(query, params).fetchone()
    if row is None:
        raise RecsysError(f"a query that always gives a row gave none: {query[:80]!r} with {params}")
    return row
