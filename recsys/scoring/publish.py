"""One publication, made beside the live one and switched to in the same transaction: readers see
one of the two, whole.
"""

import logging
import time
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import errors
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, Lock, advisory_lock, one_row
from recsys.db.queries import queries
from recsys.errors import BusyError, PublicationError
from recsys.promotion.ledger import Origin
from recsys.promotion.live import go_live
from recsys.promotion.partitions import (
    check_rows,
    count_rows,
    create_partition,
    fill_by_rules,
    finish_partition,
    looking_up,
    run_on,
)
from recsys.scoring.candidates import PublicationSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """What was published, and whether it is what readers now see."""

    publication_id: int
    n_users: int
    n_rows: int
    n_fallback: int
    rows_sha256: str
    is_live: bool
    was_there: bool  # these inputs had made it before


def publish(conn: Connection, spec: PublicationSpec, origin: Origin) -> Publication:
    """Make the publication of a spec, unless it is there, and let readers see it, unless a newer
    week is live.

    A challenger's publication is made first and seen by nobody. Raises PublicationError where a
    shard was not scored or the result fails a check; readers then keep what they have.
    """
    _make_way(conn, spec)
    shadow = publish(conn, spec.challenger, origin) if spec.challenger else None
    with advisory_lock(conn, Lock.PUBLISH):
        _finish_detach(conn, spec)
        conn.execute(queries("publication")["wait_again"])
        wal_before = one_row(conn, queries("publication")["wal_position"]).position
        with conn.transaction():
            known = _known(conn, spec)
            was_there = bool(known and known.has_rows)
            publication_id = known.publication_id if known else _new_id(conn)
            if not was_there:
                _make(
                    conn,
                    spec,
                    publication_id,
                    {**asdict(origin), "shadow_id": shadow.publication_id if shadow else None},
                )
                _compare(conn, known, _known(conn, spec))
            conn.execute(queries("publication")["forget_candidates"], {"publication_key": spec.key})
            # last of all, as locks that others may meet are held from here on
            attached_at = time.monotonic()
            if spec.promotion_id is not None:
                # before the parent's lock, as whoever copies a publication takes them so
                conn.execute(queries("live")["hold"])
            if not was_there:
                run_on(conn, queries("publication")["attach_partition"], publication_id)
            if spec.promotion_id is not None:
                _let_readers_see(conn, spec, publication_id, origin.run_id)
        held = time.monotonic() - attached_at
        wal = float(one_row(conn, queries("publication")["wal_position"]).position - wal_before)
        if not was_there:
            told = (
                "publication %s: attached and committed in %.0f ms; the server wrote %.1f MB of "
                "WAL meanwhile"
            )
            log.info(told, publication_id, held * 1e3, wal / 1e6)
        made = _known(conn, spec)
    counts = (made.n_users, made.n_rows, made.n_fallback, made.rows_sha256)
    return Publication(publication_id, *counts, is_live=made.is_live, was_there=was_there)


def to_make(conn: Connection, spec: PublicationSpec) -> list[PublicationSpec]:
    """What has to be scored of a spec and its challenger's: of which the rows are not there, or
    may not be taken over.
    """
    missing = [made for made in (spec, spec.challenger) if made and not _is_published(conn, made)]
    stale = spec.challenger if _is_stale(conn, spec) else None
    return [*missing, *([stale] if stale else [])]


def _is_published(conn: Connection, spec: PublicationSpec) -> bool:
    known = _known(conn, spec)
    return bool(known and known.has_rows)


def _is_stale(conn: Connection, spec: PublicationSpec) -> bool:
    """Whether lists that are still to be taken from the challenger's publication hold a movie that
    was withdrawn since.
    """
    shadow = (
        _known(conn, spec.challenger) if spec.challenger and not _is_published(conn, spec) else None
    )
    if shadow is None or not shadow.has_rows:
        return False
    return bool(
        conn.execute(
            queries("live")["withdrawn_since"], {"publication_id": shadow.publication_id}
        ).fetchall()
    )


def _make_way(conn: Connection, spec: PublicationSpec) -> None:
    """A challenger's publication that has gone stale goes, to be made anew."""
    with advisory_lock(conn, Lock.PUBLISH):
        if spec.challenger and _is_stale(conn, spec):
            shadow = _known(conn, spec.challenger)
            run_on(conn, queries("publication")["detach_partition"], shadow.publication_id)
            run_on(conn, queries("publication")["drop_partition"], shadow.publication_id)


def retire_outlived(conn: Connection, *, keep_weeks: int) -> list[int]:
    """Drop the rows of publications whose time is over; return their ids. Readers never wait for
    it, nor it for them for long.
    """
    retired: list[int] = []
    with advisory_lock(conn, Lock.RETIRE):
        conn.execute(queries("publication")["wait_briefly"])
        for old in conn.execute(
            queries("publication")["outlived"], {"keep_weeks": keep_weeks}
        ).fetchall():
            try:
                dropped = _drop(conn, old)
            # Postgres detaches one at a time, so that the others wait with it
            except errors.LockNotAvailable:
                log.info(
                    "publication %s is still being read; the next run drops it", old.publication_id
                )
                break
            retired += [old.publication_id] if dropped else []
    return retired


def _finish_detach(conn: Connection, spec: PublicationSpec) -> None:
    """A publication that is made again may still be on its way out; its old table goes before the
    new one is made.
    """
    known = _known(conn, spec)
    if known is None or not known.is_half_detached:
        return
    try:
        conn.execute(queries("publication")["wait_briefly"])
        run_on(conn, queries("publication")["finish_detach"], known.publication_id)
    except errors.LockNotAvailable as error:
        raise BusyError(
            f"week {spec.week.as_of}: publication {known.publication_id} is on its way out and "
            "still read; try again later"
        ) from error


def _known(conn: Connection, spec: PublicationSpec) -> Any:
    return conn.execute(queries("publication")["by_key"], {"publication_key": spec.key}).fetchone()


def _new_id(conn: Connection) -> int:
    return one_row(conn, queries("publication")["new_id"]).publication_id


def _make(
    conn: Connection, spec: PublicationSpec, publication_id: int, made_by: dict[str, Any]
) -> None:
    """The publication's own table: filled, checked, recorded."""
    missing = [
        row.shard
        for row in conn.execute(
            queries("publication")["shards_missing"], {"publication_key": spec.key}
        )
    ]
    if missing:
        raise PublicationError(
            f"week {spec.week.as_of}: no candidates of shard {missing}; run score_users again, "
            "then this step"
        )
    keys = {"publication_id": publication_id, "publication_key": spec.key}
    split = {"experiment": spec.experiment, "share": spec.share, "arm": spec.arm}
    params = keys | split | made_by | spec.params | spec.week.snapshot.params
    create_partition(conn, publication_id)
    _gather(conn, params)
    fill_by_rules(conn, publication_id, params)
    finish_partition(conn, publication_id)
    check_rows(conn, publication_id, spec.week.snapshot.params, spec.week.top_n)
    _record(conn, spec, publication_id, params)
    conn.execute(queries("publication")["drop_temporary"])


def _gather(conn: Connection, params: dict[str, Any]) -> None:
    """What needs all ratings, in tables of the transaction's own: these are filled by several
    workers, an INSERT by one.
    """
    conn.execute(queries("publication")["gather_readers"], params)
    conn.execute(queries("publication")["hash_the_few"])
    conn.execute(queries("publication")["weigh_likes"], params)
    conn.execute(queries("publication")["analyze_candidates"])
    with looking_up(conn):
        conn.execute(queries("publication")["gather_unrated"], params)
    conn.execute(queries("publication")["analyze_temporary"])


def _record(
    conn: Connection, spec: PublicationSpec, publication_id: int, params: dict[str, Any]
) -> None:
    counts = count_rows(conn, publication_id)
    made_of = {
        "recipe_key": spec.model.recipe.key,
        "model_version": spec.model.version,
        "fit_key": spec.model.fit_key,
        "fingerprint": spec.model.fingerprint,
        "n_ratings": spec.model.n_ratings,
        "promotion_id": spec.promotion_id,
        "is_shadow": spec.promotion_id is None,
        "params": Jsonb(spec.params),
    }
    conn.execute(queries("publication")["record"], params | made_of | counts)


def _compare(conn: Connection, before: Any, now: Any) -> None:
    """Say so where a publication that is made again differs, and whether the ledger explains it."""
    if before and before.rows_sha256 != now.rows_sha256:
        removals = one_row(
            conn, queries("removal")["removals_since"], {"publication_id": now.publication_id}
        )
        level = logging.INFO if removals.n else logging.WARNING
        why = (
            f"{removals.n} removals since then explain it"
            if removals.n
            else ("nothing in the ledger explains it")
        )
        told = "publication %s was made again and differs: rows %s, before %s; %s"
        log.log(level, told, now.publication_id, now.rows_sha256[:12], before.rows_sha256[:12], why)
    if before:
        conn.execute(queries("removal")["forget_erasures"], {"publication_id": now.publication_id})


def _let_readers_see(
    conn: Connection, spec: PublicationSpec, publication_id: int, run_id: str
) -> None:
    """The flip, unless history says otherwise. Flips wait for one another, so that a rollback made
    meanwhile is seen here.
    """
    asked = {"as_of": spec.week.as_of, "promotion_id": spec.promotion_id}
    if not one_row(conn, queries("live")["may_go_live"], asked).may:
        log.info(
            "week %s: what is live stays so: a newer week, a rollback, or a later decision of "
            "this week",
            spec.week.as_of,
        )
        return
    conn.execute(
        queries("live")["adopt"],
        {"publication_id": publication_id, "promotion_id": spec.promotion_id},
    )
    flip = {
        "publication_id": publication_id,
        "cause": "published",
        "reason": None,
        "requested_by": None,
        "run_id": run_id,
    }
    go_live(conn, flip)


def _drop(conn: Connection, old: Any) -> bool:
    """Each step stands alone, and a run that was cut short is finished by the next one."""
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        if not conn.execute(
            queries("publication")["mark_dropped"], {"publication_id": old.publication_id}
        ).rowcount:
            return False  # a person has put it before readers since it was listed
    if old.is_half_detached:
        run_on(conn, queries("publication")["finish_detach"], old.publication_id)
    elif old.is_attached:
        run_on(conn, queries("publication")["detach_partition"], old.publication_id)
    run_on(conn, queries("publication")["drop_partition"], old.publication_id)
    return True
