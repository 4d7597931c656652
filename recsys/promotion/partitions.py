"""The table of one publication, batch_recommendations_<id>: queries on it, and what must hold of
its rows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from recsys.db.connect import Connection
from recsys.db.queries import queries, sql_file
from recsys.errors import PublicationError


def run_on(
    conn: Connection,
    query: LiteralString,
    publication_id: int,
    params: Mapping[str, Any] | None = None,
) -> Any:
    """Run a query on the table of one publication; rows come as dictionaries."""
    name = f"batch_recommendations_{publication_id}"
    statement = sql.SQL(query).format(
        partition=sql.Identifier(name), publication_id=sql.Literal(publication_id)
    )
    return conn.cursor(row_factory=dict_row).execute(statement, params)


def create_partition(conn: Connection, publication_id: int) -> None:
    """Make the publication's empty table, beside the others and unseen, in place of one that a
    broken run left.
    """
    run_on(conn, queries("publication")["drop_partition"], publication_id)
    run_on(conn, queries("publication")["create_partition"], publication_id)


def fill_by_rules(conn: Connection, publication_id: int, params: Mapping[str, Any]) -> None:
    """Fill it with what the rules of a publication make of the tables readers, likes and
    unrated.
    """
    run_on(conn, sql_file("batch_recommendations.sql"), publication_id, params)


def finish_partition(conn: Connection, publication_id: int) -> None:
    """Put its rows in order, once all are there."""
    run_on(conn, queries("publication")["add_key"], publication_id)
    run_on(conn, queries("publication")["analyze_partition"], publication_id)


def count_rows(conn: Connection, publication_id: int) -> dict[str, Any]:
    """Return how many users, rows and rows of the fallback it has, and the digest of all rows in
    order.
    """
    return run_on(
        conn, queries("publication")["counts"], publication_id, {"publication_id": publication_id}
    ).fetchone()


def check_rows(
    conn: Connection, publication_id: int, snapshot: Mapping[str, Any], top_n: int
) -> None:
    """Raise PublicationError where its rows are not what the snapshot (as_of, watermark) admits."""
    counts = run_on(
        conn, queries("publication")["faults"], publication_id, {**snapshot, "top_n": top_n}
    ).fetchone()
    with looking_up(conn):
        counts |= run_on(
            conn, queries("publication")["rated_faults"], publication_id, snapshot
        ).fetchone()
    faults = [f"{count:,} {what}" for what, count in counts.items() if count]
    if faults:
        raise PublicationError(
            f"week {snapshot['as_of']}: the publication would have "
            f"{', '.join(faults)}; expected none"
        )
    if not run_on(conn, queries("publication")["has_rows"], publication_id).fetchone()["has_rows"]:
        raise PublicationError(
            f"week {snapshot['as_of']}: the publication would have no row: nobody has a movie left "
            "to be recommended; "
            "expected a movie for at least one user. Nothing goes live; readers keep what they have"
        )


@contextmanager
def looking_up(conn: Connection) -> Iterator[None]:
    """Within: joins with the ratings by their key. An error ends the transaction, and the setting
    with it.
    """
    conn.execute(queries("publication")["look_up_ratings"])
    yield
    conn.execute(queries("publication")["join_freely"])
