"""Apply view files that were edited, while others read the views.

New views and functions are made in a schema of their own, `incoming`, materialized views with their
data. Readers have the old ones meanwhile. Then the old ones are dropped and the new ones take their
place: only for that moment do readers wait, and all of it is one transaction.
"""

import time
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_values
from recsys.db.schema_files import SqlFile
from recsys.errors import LedgerError

__all__ = ["apply_views", "edited_views", "grants_by_hand", "wait_for"]

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

    @property
    def params(self) -> dict[str, int | str]:
        """Return the object as the parameters of queries."""
        return vars(self.new) | {
            "name": self.file.name,
            "home": self.file.home,
            "place": self.place,
        }


def edited_views(conn: Connection, files: Sequence[SqlFile]) -> list[str]:
    """Return the names of view files that differ from what was applied, in the files' order.

    A file differs if it was never applied, was edited since, was removed, or if something that it
    made is gone from the database.
    """
    rows = fetch_rows(conn, AppliedView, queries("schema")["applied_views"])
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
    schema = queries("schema")
    names = sorted(fetch_values(conn, str, schema["with_dependants"], {"names": list(edited)}))
    stale = [file for file in files if file.name in names]
    conn.execute(schema["open_incoming"])
    placed = make_incoming(conn, stale)
    wait_for(conn, lambda: swap_in(conn, names, placed), names)
    close_incoming(conn)
    record_views(conn, names, stale, placed)
    grant_again(conn, by_hand)
    return [file.name for file in stale]


def wait_for(conn: Connection, action: Callable[[], None], names: Sequence[str] = ()) -> None:
    """Do something that needs locks, again and again until it gets them within `WAIT`.

    Between two attempts it holds none of them, so that readers go on. Raises LedgerError after
    `ATTEMPTS`, with the sessions that hold views of the files `names`.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE)
        if _attempt(conn, action):
            return
    raise in_use(conn, names)


def _attempt(conn: Connection, action: Callable[[], None]) -> bool:
    """Return whether an action got its locks; if not, nothing has changed."""
    try:
        with conn.transaction():
            _limit_wait(conn, WAIT)
            action()
            conn.execute(queries("schema")["wait_for_locks"], {"milliseconds": "0"})
    except (pg.LockNotAvailable, pg.DeadlockDetected):
        return False
    return True


def in_use(conn: Connection, names: Sequence[str]) -> LedgerError:
    pids = fetch_values(conn, int, queries("schema")["users_of_views"], {"names": list(names)})
    sessions = ", ".join(map(str, pids)) or "of another client"
    return LedgerError(
        f"the schema cannot be changed: {ATTEMPTS} attempts in {ATTEMPTS * (WAIT + PAUSE):.0f} s "
        f"found its tables or views in use by session {sessions}; expected a "
        "moment in which no transaction holds them; nothing was changed: end it, or wait, then "
        "run: python -m recsys migrate"
    )


def make_incoming(conn: Connection, stale: Sequence[SqlFile]) -> list[Placed]:
    """Run the files, so that all that they make is in `incoming`, filled and analyzed."""
    placed: list[Placed] = []
    for file in stale:
        placed += run_file(conn, file, {each.new for each in placed})
    for each in placed:
        if each.new.kind == "materialized view":
            _run(conn, "analyze_incoming", each)
    conn.execute(queries("schema")["look_in_public"])
    return placed


def run_file(conn: Connection, file: SqlFile, others: Set[IncomingObject]) -> list[Placed]:
    """Run one file, and return what it made beside what others had."""
    conn.execute(queries("schema")["look_first_in_incoming"], {"home": file.home})
    conn.execute(file.text)
    objects = fetch_rows(conn, IncomingObject, queries("schema")["incoming"])
    own = [new for new in objects if new not in others]
    return [Placed(file, place, new) for place, new in enumerate(own)]


def swap_in(conn: Connection, names: Sequence[str], placed: Sequence[Placed]) -> None:
    """Drop the old, dependants first, as a reader locks them; move the new to where it belongs."""
    deadline = time.monotonic() + WAIT
    for statement in fetch_values(conn, str, queries("schema")["drops"], {"names": list(names)}):
        _limit_wait(conn, deadline - time.monotonic())
        _drop(conn, statement)
    for each in placed:
        _run(conn, "move_home", each)


def _drop(conn: Connection, statement: str) -> None:
    try:
        conn.execute(statement.encode())
    except pg.DependentObjectsStillExist as error:
        raise LedgerError(
            f"views that are no part of recsys depend on those that changed: found "
            f"{_one_line(error)}; expected none; nothing was changed: drop them, run "
            "python -m recsys migrate, and create them again"
        ) from error


def grant_again(conn: Connection, statements: Sequence[str]) -> None:
    """Give grants again, but for those whose column, view or function the new files lack."""
    for statement in statements:
        gone = suppress(pg.UndefinedColumn, pg.UndefinedTable, pg.UndefinedFunction)
        with gone, conn.transaction():
            conn.execute(statement.encode())


def close_incoming(conn: Connection) -> None:
    """Drop the schema `incoming`. Raises LedgerError where something is left in it."""
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


def record_views(
    conn: Connection, names: Sequence[str], stale: Sequence[SqlFile], placed: Sequence[Placed]
) -> None:
    """Remember the files, what they made, and the grants that they gave."""
    schema = queries("schema")
    conn.execute(schema["forget_views"], {"names": list(names)})
    for file in stale:
        conn.execute(schema["record_view"], {"name": file.name, "sha256": file.sha256})
    for each in placed:
        conn.execute(schema["record_object"], each.params)
    for grant in _grants(conn):
        if grant.view_file in names:
            conn.execute(schema["record_grant"], vars(grant))


def _grants(conn: Connection) -> list[Grant]:
    return fetch_rows(conn, Grant, queries("schema")["grants"])


def _run(conn: Connection, name: str, placed: Placed) -> None:
    """Run the statement that a named query returns for an object."""
    for statement in fetch_values(conn, str, queries("schema")[name], placed.params):
        conn.execute(statement.encode())


def _one_line(error: psycopg.Error) -> str:
    return (error.diag.message_detail or str(error)).replace("\n", ", ")
