"""One publication, made beside the live one and switched to in the same transaction: readers see
one of the two, whole.
"""

import logging
import time
from decimal import Decimal

from psycopg import errors

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_value
from recsys.errors import BusyError
from recsys.promotion.ledger import Origin
from recsys.promotion.live import go_live
from recsys.promotion.partitions import run_on
from recsys.scoring.filling import Filling
from recsys.scoring.spec import PublicationSpec
from recsys.scoring.stored import (
    StoredPublication,
    fetch_publication,
    find_publication,
    stale_challenger,
)

log = logging.getLogger(__name__)


def publish(conn: Connection, spec: PublicationSpec, origin: Origin) -> StoredPublication:
    """Make the publication of a spec, unless it is there, and make it live, unless a newer week is
    live.

    A challenger's publication is made first and seen by nobody. Raises PublicationError where a
    shard was not scored or the result fails a check; readers then keep what they have.
    """
    drop_stale_challenger(conn, spec)
    shadow = publish(conn, spec.challenger, origin) if spec.challenger else None
    with advisory_lock(conn, Lock.PUBLISH):
        before = find_publication(conn, spec)
        if before and before.is_half_detached:
            finish_detach(conn, spec, before)
        conn.execute(queries("publication")["wait_again"])
        if before and before.has_rows:
            publish_again(conn, spec, before, origin.run_id)
        else:
            publish_new(Filling(conn, spec, origin, shadow))
        return fetch_publication(conn, spec)


def drop_stale_challenger(conn: Connection, spec: PublicationSpec) -> None:
    """Drop a challenger's publication that has gone stale, so that it is made again."""
    with advisory_lock(conn, Lock.PUBLISH):
        shadow = stale_challenger(conn, spec)
        if shadow:
            run_on(conn, queries("publication")["detach_partition"], shadow.publication_id)
            run_on(conn, queries("publication")["drop_partition"], shadow.publication_id)


def finish_detach(conn: Connection, spec: PublicationSpec, before: StoredPublication) -> None:
    """Free the name of the new table, where the old one is still being detached."""
    try:
        conn.execute(queries("publication")["wait_briefly"])
        run_on(conn, queries("publication")["finish_detach"], before.publication_id)
    except errors.LockNotAvailable as error:
        raise BusyError(
            f"week {spec.week.as_of}: publication {before.publication_id} is on its way out and "
            "still read; try again later"
        ) from error


def publish_again(
    conn: Connection, spec: PublicationSpec, stored: StoredPublication, run_id: str
) -> None:
    """Make a publication live whose rows are there."""
    with conn.transaction():
        _forget_candidates(conn, spec)
        if spec.promotion_id is not None:
            conn.execute(queries("live")["hold"])
            _make_live(conn, spec, stored.publication_id, run_id)


def publish_new(filling: Filling) -> None:
    """Fill a new table, attach it, and make it live, in one transaction."""
    conn = filling.conn
    wal_before = _wal_position(conn)
    with conn.transaction():
        publication_id = filling.fill()
        _forget_candidates(conn, filling.spec)
        # last of all, as locks that others may meet are held from here on
        attached_at = time.monotonic()
        attach(filling, publication_id)
    held_ms = (time.monotonic() - attached_at) * 1e3
    log.info(
        "publication %s: attached and committed in %.0f ms; the server wrote %.1f MB of WAL "
        "meanwhile",
        publication_id,
        held_ms,
        (_wal_position(conn) - wal_before) / 1e6,
    )


def attach(filling: Filling, publication_id: int) -> None:
    """Attach the new table and, unless it is a challenger's, make it live."""
    conn = filling.conn
    is_for_readers = filling.spec.promotion_id is not None
    if is_for_readers:
        # before the parent's lock, as whoever copies a publication takes them so
        conn.execute(queries("live")["hold"])
    run_on(conn, queries("publication")["attach_partition"], publication_id)
    if is_for_readers:
        _make_live(conn, filling.spec, publication_id, filling.origin.run_id)


def _forget_candidates(conn: Connection, spec: PublicationSpec) -> None:
    conn.execute(queries("publication")["forget_candidates"], {"publication_key": spec.key})


def _wal_position(conn: Connection) -> float:
    return float(fetch_value(conn, Decimal, queries("publication")["wal_position"]))


def _make_live(conn: Connection, spec: PublicationSpec, publication_id: int, run_id: str) -> None:
    """Make the publication live, unless history says otherwise. Flips wait for one another, so that
    a rollback made meanwhile is seen here.
    """
    decided = {"as_of": spec.week.as_of, "promotion_id": spec.promotion_id}
    if not fetch_value(conn, bool, queries("live")["may_go_live"], decided):
        log.info(
            "week %s: what is live stays so: a newer week, a rollback, or a later decision of "
            "this week",
            spec.week.as_of,
        )
        return
    adopted = {"publication_id": publication_id, "promotion_id": spec.promotion_id}
    conn.execute(queries("live")["adopt"], adopted)
    flip = {
        "publication_id": publication_id,
        "cause": "published",
        "reason": None,
        "requested_by": None,
        "run_id": run_id,
    }
    go_live(conn, flip)
