"""Bring a database to this code's schema, and say where it differs from it.

Numbered files under `sql/schema` go forward, each once, in order. Files under `sql/views` are
applied again whenever their text is another one.
"""

from dataclasses import dataclass
from pathlib import Path

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import SQL, queries
from recsys.db.rows import fetch_value, fetch_values
from recsys.db.schema_files import (
    BASELINE,
    SqlFile,
    numbered_files,
    record_tables,
    view_files,
)
from recsys.db.views import apply_views, edited_views, grants_by_hand, wait_for
from recsys.errors import LedgerError

__all__ = ["check_schema", "migrate"]


@dataclass(frozen=True)
class Difference:
    """What a database lacks of this code's schema.

    `is_newer`: it has numbered files that this code does not know, so that its views are those of
    later code too.
    """

    pending: list[SqlFile]
    views: list[str]
    is_newer: bool


def migrate(conn: Connection, sql: Path = SQL) -> list[str]:
    """Apply what is missing, in one transaction; return the names of the files applied.

    Raises LedgerError where the database was made by migrations from before the baseline.
    """
    with advisory_lock(conn, Lock.MIGRATE):
        _refuse_old_schema(conn)
        conn.execute(record_tables(sql).text)
        difference = _difference(conn, sql)
        if not difference.pending and not difference.views:
            return []
        # so that nobody refreshes an old view after the new one has been filled
        with advisory_lock(conn, Lock.VIEWS), conn.transaction():
            return apply_difference(conn, sql, difference)


def check_schema(conn: Connection, sql: Path = SQL) -> None:
    """Raise LedgerError where the schema is older than this code's, or its views are other ones.

    A schema of later code passes.
    """
    if not fetch_value(conn, bool, queries("schema")["has_migrations"]):
        raise LedgerError("the database's schema is missing; run: python -m recsys migrate")
    _refuse_old_schema(conn)
    difference = _difference(conn, sql)
    missing = [file.name for file in difference.pending]
    if missing:
        raise LedgerError(
            f"the database's schema lacks {_some(missing)}; run: python -m recsys migrate"
        )
    if difference.views:
        raise LedgerError(
            f"the database's views are not those of this code: {_some(difference.views)} under "
            "sql/views differ from what was applied; run: python -m recsys migrate"
        )


def _difference(conn: Connection, sql: Path) -> Difference:
    files = numbered_files(sql)
    applied = _applied(conn)
    is_newer = bool(applied - {file.name for file in files})
    return Difference(
        pending=[file for file in files if file.name not in applied],
        views=[] if is_newer or not applied else edited_views(conn, view_files(sql)),
        is_newer=is_newer,
    )


def apply_difference(conn: Connection, sql: Path, difference: Difference) -> list[str]:
    """Apply what is missing; return the names of the files applied."""
    by_hand = grants_by_hand(conn)  # before a numbered file drops a view
    for file in difference.pending:
        wait_for(conn, lambda file=file: apply_numbered(conn, file))
    names = [file.name for file in difference.pending]
    if difference.is_newer:
        return names
    files = view_files(sql)
    edited = edited_views(conn, files)
    return names + (apply_views(conn, files, edited, by_hand) if edited else [])


def apply_numbered(conn: Connection, file: SqlFile) -> None:
    """Apply a numbered file, and record that it was."""
    conn.execute(file.text)
    conn.execute(queries("schema")["record_migration"], {"name": file.name})


def _refuse_old_schema(conn: Connection) -> None:
    """Raise LedgerError where the tables were made before there was a baseline."""
    if not fetch_value(conn, bool, queries("schema")["has_migrations"]):
        return
    applied = _applied(conn)
    if applied and BASELINE not in applied:
        raise LedgerError(
            "the database's schema was made by an early version of recsys, which this one cannot "
            f"bring up to date: found {_some(sorted(applied))} in its table migrations, expected "
            f"{BASELINE}; make a new database (make clean, where make demo made this one), run "
            "python -m recsys migrate and take the drops in again; or keep the version that made it"
        )


def _applied(conn: Connection) -> set[str]:
    return set(fetch_values(conn, str, queries("schema")["migrations"]))


def _some(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
