"""The schema is the sum of its migrations: each applied once, in order, recorded in the transaction that applied it."""

from pathlib import Path

from recsys.db.connect import Connection, advisory_lock
from recsys.db.queries import SQL, sql_file


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


def migrations() -> list[Path]:
    """Every migration in order: numbered schema files, then the views."""
    schema = [path for path in sorted((SQL / "schema").glob("*.sql")) if path.name != "000_migrations.sql"]
    return schema + sorted((SQL / "views").glob("*.sql"))
