"""Publications whose time is over: their rows are dropped, and their records stay."""

import logging
from dataclasses import dataclass

from psycopg import errors

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.promotion.partitions import run_on

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OutlivedPublication:
    """A publication to drop, and how far an earlier run came with it."""

    publication_id: int
    is_attached: bool
    is_half_detached: bool


def retire_outlived(conn: Connection, *, keep_weeks: int) -> list[int]:
    """Drop the rows of publications whose time is over; return their ids. Readers never wait for
    it, nor does it wait long for them.
    """
    query = queries("publication")["outlived"]
    with advisory_lock(conn, Lock.RETIRE):
        conn.execute(queries("publication")["wait_briefly"])
        return drop_all(
            conn, fetch_rows(conn, OutlivedPublication, query, {"keep_weeks": keep_weeks})
        )


def drop_all(conn: Connection, outlived: list[OutlivedPublication]) -> list[int]:
    """Drop one publication after another until readers hold one; return the ids of the dropped."""
    retired: list[int] = []
    for old in outlived:
        try:
            is_dropped = drop_publication(conn, old)
        # Postgres detaches one at a time, so that the others wait with it
        except errors.LockNotAvailable:
            log.info(
                "publication %s is still being read; the next run drops it", old.publication_id
            )
            break
        if is_dropped:
            retired.append(old.publication_id)
    return retired


def drop_publication(conn: Connection, old: OutlivedPublication) -> bool:
    """Drop a publication's rows in steps that each commit: the next run finishes one that was cut
    short. Return False where a person has made it live since it was listed.
    """
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        params = {"publication_id": old.publication_id}
        if not conn.execute(queries("publication")["mark_dropped"], params).rowcount:
            return False
        conn.execute(queries("publication")["forget_fallback"])
    if old.is_half_detached:
        run_on(conn, queries("publication")["finish_detach"], old.publication_id)
    elif old.is_attached:
        run_on(conn, queries("publication")["detach_partition"], old.publication_id)
    run_on(conn, queries("publication")["drop_partition"], old.publication_id)
    return True
