"""The way back in: ratings given through the API become a drop, as a publisher's files are one.

A closing takes the ratings that its transaction sees and that were received before its day. They
keep the batch's number, and the drop is rendered from the batch: the same bytes each time.
"""

import logging
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, find_value
from recsys.drops.writing import write_drop
from recsys.drops.zone import LandingZone

__all__ = ["SOURCE", "close_feedback", "write_again"]

log = logging.getLogger(__name__)

#: The folder in the landing zone, and the source in the ledger.
SOURCE = "feedback"
RATINGS = "ratings.csv"


@dataclass(frozen=True)
class Batch:
    """What one closing took, as of a day."""

    batch_id: int
    as_of: date


def close_feedback(conn: Connection, zone: LandingZone, as_of: date) -> int:
    """Close what was received before a day, and write the drops that are not complete; return how
    many ratings were closed.

    Nothing is closed for a day that is not newer than the last that was, and none is no drop.
    Raises DropError where the landing zone cannot be written to: the next run writes the drop.
    """
    with advisory_lock(conn, Lock.FEEDBACK):
        n_closed = _close(conn, as_of)
        for batch in _unwritten(conn, as_of):
            _write(conn, zone, batch)
    return n_closed


def write_again(conn: Connection, zone: LandingZone) -> list[date]:
    """Write the drops anew that an erasure has changed; return the days of those that are not in
    this zone, which the next run writes.

    Whoever erases may be on another machine than the drops: a drop that is not there is none to be
    written there.
    """
    with advisory_lock(conn, Lock.FEEDBACK):
        batches = _unwritten(conn, date.max)
        here = [batch for batch in batches if zone.is_complete(SOURCE, batch.as_of)]
        for batch in here:
            _write(conn, zone, batch)
    return [batch.as_of for batch in batches if batch not in here]


def _close(conn: Connection, as_of: date) -> int:
    feedback = queries("feedback")
    with conn.transaction():
        last = find_value(conn, date, feedback["last_closed"])
        if last is not None and as_of <= last:
            return 0
        conn.execute(feedback["forget_requests"])
        return conn.execute(feedback["close_batch"], {"as_of": as_of}).rowcount


def _unwritten(conn: Connection, as_of: date) -> list[Batch]:
    return fetch_rows(conn, Batch, queries("feedback")["unwritten"], {"as_of": as_of})


def _write(conn: Connection, zone: LandingZone, batch: Batch) -> None:
    drop = zone.at(SOURCE, batch.as_of)
    write_drop(zone, drop, {RATINGS: rendered(conn, batch)})
    conn.execute(queries("feedback")["written"], {"batch_id": batch.batch_id})
    log.info("written: %s", drop)


def rendered(conn: Connection, batch: Batch) -> bytes:
    """Return the file of a batch's ratings."""
    query = sql.SQL(queries("feedback")["render"])
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(query)
    with conn.cursor() as cursor, cursor.copy(statement, {"batch_id": batch.batch_id}) as copy:
        return b"".join(copy)
