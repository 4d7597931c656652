"""The schema is the sum of its migrations: each applied once, in order, recorded in the transaction
that applied it.
"""

from pathlib import Path

from recsys.db.connect import Connection, advisory_lock, one_row
from recsys.db.queries import SQL, queries, sql_file
from recsys.errors import LedgerError


def migrate(conn: Connection) -> list[str]:
    """Apply what is missing of `sql/schema` and then of `sql/views`; return the names applied."""
    applied: list[str] = []
    with advisory_lock(conn, "migrate"):
        conn.execute(sql_file("schema/000_migrations.sql"))
        known = {row.name for row in conn.execute("SELECT name FROM migrations")}
        for path in migrations():
            if path.name in known:
                continue
            with conn.transaction():
                conn.execute(sql_file(str(path.relative_to(SQL))))
                conn.execute("INSERT INTO migrations (name) VALUES (%s)", [path.name])
            applied.append(path.name)
    return applied


def check_schema(conn: Connection) -> None:
    """Raise LedgerError where a migration of this code was not applied; a schema of later code
    passes.
    """
    there = one_row(conn, queries("session")["has_migrations"]).there
    applied = (
        {row.name for row in conn.execute(queries("session")["migrations"])} if there else set()
    )
    missing = [path.name for path in migrations() if path.name not in applied]
    if missing:
        state = (
            f"lacks {', '.join(missing[:3])}{' and more' * (len(missing) > 3)}"
            if applied
            else "is missing"
        )
        raise LedgerError(f"the database's schema {state}; run: python -m recsys migrate")


def migrations() -> list[Path]:
    """Every migration in order: numbered schema files, then the views."""
    schema = [
        path for path in sorted((SQL / "schema").glob("*.sql")) if path.name != "000_migrations.sql"
    ]
    return schema + sorted((SQL / "views").glob("*.sql"))
