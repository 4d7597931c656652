"""A publication without what was withdrawn or erased since it was made: a copy of it, whole and
immutable like any other.

The lists that lose a movie are made anew from the model's choices in them and the fallback, by the
rules of every publication; all others stay as they are. So readers see a complete publication at
each moment, and a read costs no more than before: a view that left withdrawn movies out would look
at each row, and its ranks would have holes.
"""

import hashlib
import json
import logging
from typing import Any

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import BusyError
from recsys.promotion.partitions import (
    check_rows,
    count_rows,
    create_partition,
    fill_by_rules,
    finish_partition,
    looking_up,
    run_on,
)

log = logging.getLogger(__name__)


def without_withdrawn(conn: Connection, publication_id: int, run_id: str = "") -> int:
    """Return the publication or, where it holds withdrawn movies, its copy without them: made now,
    or found.
    """
    rows = conn.execute(
        queries("live")["withdrawn_since"], {"publication_id": publication_id}
    ).fetchall()
    if not rows:
        return publication_id
    return copy_publication(conn, publication_id, {row.movie_id for row in rows}, run_id=run_id)


def without_erased(conn: Connection, publication_id: int, run_id: str = "") -> int:
    """Return the publication or, where an erasure took rows from it, its copy, whose counts and
    digest are those of its rows.
    """
    erasures = one_row(
        conn, queries("removal")["erasures_of"], {"publication_id": publication_id}
    ).newest
    if erasures is None:
        return without_withdrawn(conn, publication_id, run_id)
    rows = conn.execute(
        queries("live")["withdrawn_since"], {"publication_id": publication_id}
    ).fetchall()
    return copy_publication(
        conn, publication_id, {row.movie_id for row in rows}, run_id=run_id, erasure=erasures
    )


def copy_publication(
    conn: Connection,
    publication_id: int,
    withdrawn: set[int],
    *,
    run_id: str,
    erasure: int | None = None,
) -> int:
    """Copy a publication without the movies; return the copy's id. The same copy is made once.

    In a transaction that holds the flips' lock. Raises PublicationError where the copy fails a
    publication's checks.
    """
    source = one_row(conn, queries("publication")["origin"], {"publication_id": publication_id})
    made_of: list[object] = [source.publication_key, sorted(withdrawn), erasure]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]
    earlier = conn.execute(
        queries("publication")["copy_known"], {"publication_key": key}
    ).fetchone()
    if earlier and earlier.has_rows:
        return earlier.publication_id
    if earlier and earlier.is_half_detached:
        raise BusyError(
            f"publication {earlier.publication_id}, a copy of {publication_id}, is on "
            "its way out; try again later"
        )
    copy_id = (
        earlier.publication_id
        if earlier
        else one_row(conn, queries("publication")["new_id"]).publication_id
    )
    params = source.params | {"publication_id": copy_id, "source_id": publication_id}
    n_anew = fill(conn, copy_id, params | {"as_of": source.as_of, "watermark": source.watermark})
    left_out = sorted(withdrawn | set(source.left_out))
    names = {
        "publication_key": key,
        "origin_id": source.origin_id,
        "left_out": left_out,
        "run_id": run_id,
    }
    conn.execute(queries("publication")["record_copy"], params | names | count_rows(conn, copy_id))
    run_on(conn, queries("publication")["attach_partition"], copy_id)
    log.info(
        "publication %s: copied from %s without movies %s; %s lists made anew",
        copy_id,
        publication_id,
        left_out,
        n_anew,
    )
    return copy_id


def fill(conn: Connection, copy_id: int, params: dict[str, Any]) -> int:
    """Fill the copy's own table, and check it; return how many lists were made anew."""
    publication = queries("publication")
    create_partition(conn, copy_id)
    conn.execute(publication["gather_readers"], params)
    conn.execute(publication["hash_the_few"])
    conn.execute(publication["weigh_likes"], params)
    with looking_up(conn):
        conn.execute(publication["gather_unrated"], params | {"publication_key": ""})
    conn.execute(publication["set_readers_aside"])
    conn.execute(publication["find_losers"], params)
    run_on(conn, publication["copy_rows"], copy_id, params)
    n_anew = 0
    for row in conn.execute(publication["arms_of_losers"]).fetchall():
        conn.execute(publication["empty_temporary"])
        n_anew += conn.execute(publication["gather_losers"], {"arm": row.arm}).rowcount
        conn.execute(publication["gather_rows_of_losers"], params)
        conn.execute(publication["analyze_temporary"])
        fill_by_rules(
            conn,
            copy_id,
            params | {"experiment": None, "share": 0.0, "shadow_id": None, "arm": row.arm},
        )
    finish_partition(conn, copy_id)
    conn.execute(publication["empty_temporary"])
    conn.execute(publication["bring_readers_back"])
    conn.execute(publication["analyze_temporary"])
    check_rows(
        conn, copy_id, {"as_of": params["as_of"], "watermark": params["watermark"]}, params["top_n"]
    )
    conn.execute(publication["drop_temporary"])
    conn.execute(publication["forget_losers"])
    return n_anew
