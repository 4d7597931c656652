"""Apply view files that were edited, while others read the views.

New views and functions are made in a schema of their own, `incoming`, materialized views with their
data. Readers have the old ones meanwhile. Then the old ones are dropped and the new ones take their
place: only for that moment do readers wait, and all of it is one transaction.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg
from psycopg.rows import class_row

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.schema_files import SqlFile
from recsys.errors import LedgerError

#: For how long the old views may be waited for at once, in seconds. Readers queue behind us then.
#: Below Postgres' deadlock_timeout (1 s), so that never a reader's statement is ended for ours.
WAIT = 0.5
#: How long readers have between two attempts, and how many attempts there are.
PAUSE = 0.5
ATTEMPTS = 60


@dataclass(frozen=True)
class AppliedView:
    """A view file as it was applied; `is_whole`: all that it made is still there."""

    name: str
    sha256: str
    is_whole: bool


@dataclass(frozen=True)
class IncomingObject:
    """A new view or function in `incoming`, named by its catalog and number there."""

    catalog: int
    oid: int
    kind: str


@dataclass(frozen=True)
class Grant:
    """A grant on something that a view file made, as the statement that gives it."""

    view_file: str
    place: int
    statement: str
    is_of_file: bool


@dataclass(frozen=True)
class Placed:
    """A new object, the file that made it, and its place among all that this file made."""

    file: SqlFile
    place: int
    new: IncomingObject


def edited_views(conn: Connection, files: Sequence[SqlFile]) -> list[str]:
    """Return the names of view files that differ from what was applied, in the files' order.

    A file differs if it was never applied, was edited since, was removed, or if something that it
    made is gone from the database.
    """
    with conn.cursor(row_factory=class_row(AppliedView)) as cursor:
        rows = cursor.execute(queries("schema")["applied_views"]).fetchall()
    applied = {row.name: row.sha256 for row in rows if row.is_whole}
    edited = [file.name for file in files if applied.get(file.name) != file.sha256]
    removed = {row.name for row in rows} - {file.name for file in files}
    return edited + sorted(removed)


def grants_by_hand(conn: Connection) -> list[str]:
    """Return the statements of grants on views and functions that are not their files'."""
    return [grant.statement for grant in _grants(conn) if not grant.is_of_file]


def apply_views(
    conn: Connection, files: Sequence[SqlFile], edited: Sequence[str], by_hand: Sequence[str]
) -> list[str]:
    """Replace what the edited files made, and what depends on it; return the names applied.

    Runs in the caller's transaction. `by_hand`: grants to give again.
    Raises LedgerError if a view that is no file's depends on an old one, or if an old one is in use
    for longer than `ATTEMPTS` allow; nothing has changed then.
    """
    rows = conn.execute(queries("schema")["with_dependants"], {"names": list(edited)})
    names = sorted(row.name for row in rows)
    stale = [file for file in files if file.name in names]
    conn.execute(queries("schema")["open_incoming"])
    placed = _make(conn, stale)
    wait_for(conn, lambda: _swap(conn, names, placed), names)
    _close_incoming(conn)
    _record(conn, names, stale, placed)
    for statement in by_hand:
        # a column, view or function that the new files lack needs no grant
        gone = suppress(pg.UndefinedColumn, pg.UndefinedTable, pg.UndefinedFunction)
        with gone, conn.transaction():
            conn.execute(statement.encode())
    return [file.name for file in stale]


def wait_for(conn: Connection, action: Callable[[], None], names: Sequence[str] = ()) -> None:
    """Do something that needs locks, again and again until it gets them within `WAIT`.

    Between two attempts it holds none of them, so that readers go on. Raises LedgerError after
    `ATTEMPTS`, with the sessions that hold views of the files `names`.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE)
        try:
            with conn.transaction():
                _limit_wait(conn, WAIT)
                action()
                conn.execute(queries("schema")["wait_for_locks"], {"milliseconds": "0"})
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            continue
        return
    users = conn.execute(queries("schema")["users_of_views"], {"names": list(names)}).fetchall()
    pids = ", ".join(str(row.pid) for row in users)
    raise LedgerError(
        f"the schema cannot be changed: {ATTEMPTS} attempts in {ATTEMPTS * (WAIT + PAUSE):.0f} s "
        f"found its tables or views in use by session {pids or 'of another client'}; expected a "
        "moment in which no transaction holds them; nothing was changed: end it, or wait, then "
        "run: python -m recsys migrate"
    )


def _make(conn: Connection, stale: Sequence[SqlFile]) -> list[Placed]:
    """Run the files, so that all that they make is in `incoming`, filled and analyzed."""
    placed: list[Placed] = []
    seen: set[IncomingObject] = set()
    for file in stale:
        conn.execute(queries("schema")["look_first_in_incoming"], {"home": file.home})
        conn.execute(file.text)
        with conn.cursor(row_factory=class_row(IncomingObject)) as cursor:
            objects = cursor.execute(queries("schema")["incoming"]).fetchall()
        new_objects = [new for new in objects if new not in seen]
        placed += [Placed(file, place, new) for place, new in enumerate(new_objects)]
        seen.update(new_objects)
    for each in placed:
        if each.new.kind == "materialized view":
            _run(conn, "analyze_incoming", {"oid": each.new.oid})
    conn.execute(queries("schema")["look_in_public"])
    return placed


def _swap(conn: Connection, names: Sequence[str], placed: Sequence[Placed]) -> None:
    """Drop the old, dependants first, as a reader locks them; move the new to where it belongs."""
    deadline = time.monotonic() + WAIT
    for row in conn.execute(queries("schema")["drops"], {"names": list(names)}).fetchall():
        _limit_wait(conn, deadline - time.monotonic())
        try:
            conn.execute(row.statement)
        except pg.DependentObjectsStillExist as error:
            raise LedgerError(
                f"views that are no part of recsys depend on those that changed: found "
                f"{_one_line(error)}; expected none; nothing was changed: drop them, run "
                "python -m recsys migrate, and create them again"
            ) from error
    for each in placed:
        object_home = {"kind": each.new.kind, "home": each.file.home}
        _run(conn, "move_home", object_home | _key(each.new))


def _close_incoming(conn: Connection) -> None:
    try:
        conn.execute(queries("schema")["close_incoming"])
    except pg.DependentObjectsStillExist as error:
        raise LedgerError(
            f"a file under sql/views makes what is no view and no function: found "
            f"{_one_line(error)}; expected views and functions alone; nothing was changed: make it "
            "in a numbered file under sql/schema"
        ) from error


def _limit_wait(conn: Connection, seconds: float) -> None:
    milliseconds = max(1, round(seconds * 1000))  # 0 would be without a limit
    conn.execute(queries("schema")["wait_for_locks"], {"milliseconds": str(milliseconds)})


def _record(
    conn: Connection, names: Sequence[str], stale: Sequence[SqlFile], placed: Sequence[Placed]
) -> None:
    """Remember the files, what they made, and the grants that they gave."""
    conn.execute(queries("schema")["forget_views"], {"names": list(names)})
    for file in stale:
        conn.execute(queries("schema")["record_view"], {"name": file.name, "sha256": file.sha256})
    for each in placed:
        entry = {"name": each.file.name, "place": each.place, "kind": each.new.kind}
        conn.execute(queries("schema")["record_object"], entry | _key(each.new))
    for grant in _grants(conn):
        if grant.view_file in names:
            entry = {"view_file": grant.view_file, "place": grant.place}
            conn.execute(queries("schema")["record_grant"], entry | {"statement": grant.statement})


def _grants(conn: Connection) -> list[Grant]:
    with conn.cursor(row_factory=class_row(Grant)) as cursor:
        return cursor.execute(queries("schema")["grants"]).fetchall()


def _key(new: IncomingObject) -> dict[str, int]:
    return {"catalog": new.catalog, "oid": new.oid}


def _run(conn: Connection, name: str, params: dict[str, int | str]) -> None:
    """Run the statement that a named query returns."""
    for row in conn.execute(queries("schema")[name], params).fetchall():
        conn.execute(row.statement)


def _one_line(error: psycopg.Error) -> str:
    return (error.diag.message_detail or str(error)).replace("\n", ", ")
