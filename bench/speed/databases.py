"""Databases of the bench's own server: made, filled once, cloned for what changes them, dropped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from stack.postgres import SUPERUSER, Postgres

OWNER = "recsys_pipeline"


class Databases:
    """By name. A database that is there is whole: it got its name when it was finished."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres

    def once(self, name: str, fill: Callable[[str], None]) -> str:
        """The database, filled under another name if it is not there."""
        if not self._exists(name):
            unfinished = f"{name}_unfinished"
            self._drop(unfinished)
            self._create(unfinished, "template1")
            fill(unfinished)
            # by hand, so that no autovacuum runs beside what is timed
            self._execute("VACUUM (ANALYZE)", database=unfinished)
            self._execute("ALTER DATABASE {} RENAME TO {}", unfinished, name)
        return name

    def drop_others(self, family: str, *, keep: str) -> None:
        """Databases whose names begin with `family`, but not with `keep`."""
        with self._connect() as conn:
            names = [str(name) for (name,) in conn.execute("SELECT datname FROM pg_database")]
        for name in names:
            if name.startswith(family) and not name.startswith(keep):
                self._drop(name)

    @contextmanager
    def clone(self, template: str, name: str) -> Iterator[str]:
        """A copy that may be changed, and is dropped."""
        self.renew(template, name)
        try:
            yield name
        finally:
            self._drop(name)

    def renew(self, template: str, name: str) -> None:
        """The copy as new, with nothing left to write to disk."""
        self._drop(name)
        self._create(name, template)
        self.settle()

    def settle(self) -> None:
        """Write out what earlier work left in memory: it shall not be done in somebody else's
        time.
        """
        self._execute("CHECKPOINT")

    def _exists(self, name: str) -> bool:
        with self._connect() as conn:
            return (
                conn.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
                is not None
            )

    def _create(self, name: str, template: str) -> None:
        self._execute(
            "CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy", name, OWNER, template
        )

    def _drop(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _execute(self, statement: str, *names: str, database: str = "postgres") -> None:
        with self._connect(database) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # pyright: ignore[reportArgumentType] - our own text

    def _connect(self, database: str = "postgres") -> psycopg.Connection:
        """As superuser, outside any transaction."""
        return psycopg.connect(self.postgres.url(database, SUPERUSER), autocommit=True)
