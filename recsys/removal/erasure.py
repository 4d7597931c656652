"""The erasure of a user: their rows go, and a tombstone keeps later drops from bringing them
back.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

from recsys.db.connect import Connection, Lock, advisory_lock, connect
from recsys.db.queries import queries
from recsys.db.rows import fetch_values, find_value
from recsys.drops.zone import LandingZone
from recsys.errors import DropError
from recsys.feedback import write_again
from recsys.promotion.copies import without_erased
from recsys.promotion.live import go_live
from recsys.promotion.partitions import count_rows, run_on
from recsys.removal.person import Person, find_person
from recsys.removal.requester import NOBODY, Requester
from recsys.settings import Settings

__all__ = ["erase_user"]

log = logging.getLogger(__name__)

_ERASE = "erase_"


def erase_user(
    settings: Settings,
    user_id: int,
    *,
    now: bool = False,
    bar: bool = False,
    requester: Requester = NOBODY,
) -> dict[str, int]:
    """Remove a user's facts and recommendations in one transaction, views included; return how many
    rows of each went.

    Drops of what was rated through the API are then written again without the user: where the
    landing zone is elsewhere or does not let us, the log says so, and the next run does it. The
    tombstone keeps every later drop from bringing the user back. Exams of weeks not yet decided are
    set again, since what they were set on has changed. Kept publications lose the user's rows,
    which the ledger says beside their digests. Models fitted before keep what they learned; the
    ledger lists them, for `refit_versions`.

    `now`: make a copy of the live publication live, by hand, whose counts and digest are those of
    its rows. `bar`: set the tombstone also for a user of whom there is nothing, who else is refused
    with RequestError.
    """
    with connect(settings) as conn, nobody_else(conn):
        person = find_person(conn, user_id)
        person.check(bar=bar)
        counts = erase_facts(conn, person)
        record_erasures(conn, person)
        if now:
            serve_copy(conn, requester)
        for refresh in queries("views").values():
            conn.execute(refresh)
    write_drops_again(settings)
    return counts


@contextmanager
def nobody_else(conn: Connection) -> Iterator[None]:
    """Within: one transaction, beside which nobody takes drops in, publishes or goes live."""
    with (
        advisory_lock(conn, Lock.INGEST),
        advisory_lock(conn, Lock.VIEWS),
        advisory_lock(conn, Lock.PUBLISH),
        conn.transaction(),
    ):
        conn.execute(queries("live")["hold"])
        yield


def erase_facts(conn: Connection, person: Person) -> dict[str, int]:
    """Set the tombstone and delete the user's rows; return how many of each went."""
    removal, key = queries("removal"), {"user_id": person.user_id}
    conn.execute(queries("feedback")["hold_user"], key)
    conn.execute(removal["bury"], key)
    conn.execute(queries("feedback")["write_again"], key)
    conn.execute(queries("ingest")["empty_staging"])
    conn.execute(removal["void_undecided_exams"])
    for model in person.models:
        conn.execute(removal["request_refit"], model.params)
    counts = {name: conn.execute(query, key).rowcount for name, query in erasing_queries().items()}
    conn.execute(removal["redact_reasons"], key)
    return counts


def write_drops_again(settings: Settings) -> None:
    """Write drops of feedback that the erased user was in, as their batches are now."""
    zone = LandingZone(settings.drops)
    try:
        with connect(settings) as conn:
            elsewhere = write_again(conn, zone)
    except (DropError, OSError) as error:
        log.warning("the user is erased, and still in files of the landing zone: %s", error)
        return
    if elsewhere:
        days = ", ".join(map(str, elsewhere))
        log.warning(
            "the user is erased, and still in the feedback drops of %s, which are not in %s: the "
            "next run writes them again",
            days,
            zone.uri,
        )


def erasing_queries() -> dict[str, LiteralString]:
    """Return the queries that delete, by the name of what goes."""
    return {
        name.removeprefix(_ERASE).replace("_", " "): query
        for name, query in queries("removal").items()
        if name.startswith(_ERASE)
    }


def record_erasures(conn: Connection, person: Person) -> None:
    """Say in the ledger of which publications rows went, and what their rows come to now."""
    removal = queries("removal")
    for publication_id in fetch_values(conn, int, removal["loose_partitions"]):
        run_on(conn, removal["clear_partition"], publication_id, {"user_id": person.user_id})
    for each in person.lists:
        digest = count_rows(conn, each.publication_id)["rows_sha256"]
        conn.execute(removal["record_erasure"], vars(each) | {"rows_sha256": digest})


def serve_copy(conn: Connection, requester: Requester) -> None:
    """Make a copy of the live publication live, whose digest is that of its rows."""
    live_id = find_value(conn, int, queries("live")["now"])
    if live_id is None or not count_rows(conn, live_id)["n_rows"]:
        return  # a copy without a row is no publication, and must keep nobody from being erased
    copy_id = without_erased(conn, live_id, requester.run_id)
    if copy_id != live_id:
        reason = f"a user was erased from publication {live_id}"
        flip = {"publication_id": copy_id, "cause": "by hand", "reason": reason}
        go_live(conn, flip | vars(requester))
