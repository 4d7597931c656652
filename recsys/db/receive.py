"""Rows of a COPY out of Postgres, as fast as libpq has them."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile
from operator import itemgetter
from typing import Any

from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.sql import Composed
from psycopg.waiting import Wait

from recsys.db.connect import Connection

#: What is decoded at a time: small enough to stay in a processor's cache, large enough for numpy.
PIECE_BYTES = 1 << 20


def receive(
    conn: Connection,
    statement: Composed,
    params: Mapping[str, Any],
    take: Callable[[bytearray], None],
) -> bytes:
    """Run a COPY … TO STDOUT, hand what comes to `take` in pieces of a MB, and return what `take`
    has left of the last.

    `take` removes from the front of the buffer what it has understood; a row may be cut at the end
    of it.
    """
    wire = bytearray()
    with conn.cursor() as cursor, cursor.copy(statement, params):
        conn.wait(taken_in(conn.pgconn, wire, take))
    return bytes(wire)


def taken_in(pgconn: PGconn, wire: bytearray, take: Callable[[bytearray], None]) -> PQGen[None]:
    """psycopg's own loop over a COPY enters Python several times a row and takes longer than the
    server needs for one.

    Here C fetches all rows that have come by calling C; Python acts once for a few hundred of them,
    and waits as psycopg does.
    """
    # to the end: (length, row), or (0, b"") where none has come yet
    coming = iter(partial(pgconn.get_copy_data, 1), (-1, b""))
    for length, row in coming:
        if not length:
            yield from _more(pgconn)
            continue
        wire += row
        wire += b"".join(map(itemgetter(1), takewhile(itemgetter(0), coming)))
        if len(wire) >= PIECE_BYTES:
            take(wire)
    (result,) = yield from fetch_many(pgconn)
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result)
    take(wire)


def _more(pgconn: PGconn) -> PQGen[None]:
    """Wait for more rows of the server."""
    while not (yield Wait.R):
        pass
    pgconn.consume_input()
