"""Connections and the locks that runs side by side share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any, LiteralString, Protocol, TypeAlias

import psycopg
from psycopg import OperationalError, ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import namedtuple_row

from recsys.db.queries import queries
from recsys.errors import RecsysError, UnreachableError
from recsys.settings import Settings

Connection: TypeAlias = psycopg.Connection[Any]


class SqlConnection(Protocol):
    """What psycopg's and psycopg2's connections have in common."""

    def cursor(self) -> Any: ...


#: So that a peer that is gone is noticed within two minutes, and no firewall forgets a connection
#: that a fit leaves idle.
KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}


@contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    """Open an autocommit connection whose session is settled; what belongs together is in `with
    conn.transaction():`.

    Raises UnreachableError where Postgres does not let us in, RecsysError where the database cannot
    hold our text.
    """
    with opened(settings.database_url.get_secret_value()) as conn:
        settle(conn, settings.statement_timeout)
        yield conn


def settle(conn: SqlConnection, statement_timeout: timedelta | None = None) -> None:
    """Fix every setting of the session that our code relies on; no statement limit is none at all.

    By statements, since a pooler refuses `options` at start-up; for connections of psycopg and
    psycopg2, in no transaction. Raises RecsysError where the database is not encoded in UTF-8.
    """
    timeout = statement_timeout or timedelta(0)
    milliseconds = {"statement_timeout": str(int(timeout.total_seconds() * 1000))}
    cursor = conn.cursor()
    cursor.execute("SET statement_timeout = 0")  # a limit from outside could end the next statement
    cursor.execute(queries("session")["settle"], milliseconds)
    encoding = (cursor.fetchone() or ("unknown",))[0]
    if encoding != "UTF8":
        raise RecsysError(
            f"the database is encoded in {encoding}; expected UTF8, as titles are: make one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and migrate it"
        )


def opened(url: str) -> Connection:
    """The session's encoding is asked for at once, so that no environment's is tried first. The
    URL's own options hold.
    """
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:  # its text shows the password
        raise RecsysError(
            "RECSYS_DATABASE_URL cannot be read; expected "
            "postgresql://user:password@host:port/database"
        ) from None
    try:
        return psycopg.connect(
            **{"application_name": "recsys", **KEEPALIVES, **given, "client_encoding": "UTF8"},
            autocommit=True,
            row_factory=namedtuple_row,
        )
    except OperationalError as error:
        raise UnreachableError(
            f"Postgres cannot be reached: {str(error).strip().removeprefix('connection failed: ')}"
        ) from error


class Lock(StrEnum):
    """What runs side by side must not do at once. Who holds several takes them in this order, so
    that no two wait for each other. One fit may wait for another, a member's: members have none.
    """

    MIGRATE = "migrate"
    FEEDBACK = "feedback"  # closing what came through the API, and writing its drops
    DROPS = "drops"  # registering drops, and a week's plan
    INGEST = "ingest"
    VIEWS = "views"  # the facts as readers see them
    STUDY = "study"  # one tuning study
    FIT = "fit"  # one fit, by its key
    REGISTRY = "registry"  # looking up in MLflow and making: two at once would both find nothing
    SCORE = "score"  # one shard of one publication
    PUBLISH = "publish"
    RETIRE = "retire"  # dropping old publications
    OBSERVED = "observed"


@contextmanager
def advisory_lock(conn: Connection, lock: Lock, *what: object) -> Iterator[None]:
    """Hold the session lock, of `what` where there are many of its kind: one holder in the database
    at a time, released with the connection at the latest.

    Raises RecsysError where the session that held it is not the one that should release it.
    """
    name = " ".join(map(str, (lock, *what)))
    conn.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    try:
        yield
    except BaseException:
        if not conn.closed:
            _unlock(conn, name)
        raise
    if not conn.closed and not _unlock(conn, name):
        raise RecsysError(
            f"the lock {name!r} was lost while it was held: a pooler in transaction mode gives "
            "each statement another session; "
            "expected session mode, or no pooler"
        )


def _unlock(conn: Connection, name: str) -> bool:
    (held,) = conn.execute(
        "SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name]
    ).fetchone() or (False,)
    return held


def one_row(conn: Connection, query: LiteralString, params: Mapping[str, Any] | None = None) -> Any:
    """The one row of a query that always has one. Raises RecsysError where it has none."""
    row = conn.execute(query, params).fetchone()
    if row is None:
        raise RecsysError(
            f"a query that always gives a row gave none: {query[:80]!r} with {params}"
        )
    return row
