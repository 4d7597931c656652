"""The table of one publication, published_lists_<id>: queries on it, and what must hold of
its rows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, LiteralString

from psycopg import sql

from recsys.db.connect import Connection
from recsys.db.queries import queries, sql_file
from recsys.db.rows import fetch_row, fetch_value, fetch_values
from recsys.errors import PublicationError


@dataclass(frozen=True)
class Counts:
    """How much a publication has, and the digest of its rows."""

    n_users: int
    n_rows: int
    n_fallback: int
    rows_sha256: str


def on_partition(query: LiteralString, publication_id: int) -> sql.Composed:
    """Return a query with the table of one publication in its place."""
    name = f"published_lists_{publication_id}"
    return sql.SQL(query).format(
        partition=sql.Identifier(name), publication_id=sql.Literal(publication_id)
    )


def run_on(
    conn: Connection,
    query: LiteralString,
    publication_id: int,
    params: Mapping[str, Any] | None = None,
) -> None:
    """Run a query on the table of one publication."""
    conn.execute(on_partition(query, publication_id), params)


def create_partition(conn: Connection, publication_id: int) -> None:
    """Make the publication's empty table, beside the others and unseen, in place of one that a
    broken run left.
    """
    run_on(conn, queries("publication")["drop_partition"], publication_id)
    run_on(conn, queries("publication")["create_partition"], publication_id)


def fill_by_rules(conn: Connection, publication_id: int, params: Mapping[str, Any]) -> None:
    """Fill it with what the rules of a publication make of the candidates and the tables readers,
    likes and to_mend.
    """
    run_on(conn, sql_file("batch_recommendations.sql"), publication_id, params)


def gather_to_mend(conn: Connection, params: Mapping[str, Any]) -> list[int]:
    """Fill the table to_mend: whose candidates cannot stay as they are. Return the movies among all
    candidates that are not on offer.
    """
    off_offer = fetch_values(conn, int, queries("publication")["off_offer"], params)
    with looking_up(conn):
        conn.execute(queries("publication")["gather_to_mend"], {**params, "off_offer": off_offer})
    return off_offer


def finish_partition(conn: Connection, publication_id: int) -> None:
    """Put its rows in order, once all are there."""
    run_on(conn, queries("publication")["add_key"], publication_id)
    run_on(conn, queries("publication")["analyze_partition"], publication_id)


def count_rows(conn: Connection, publication_id: int, top_n: int | None = None) -> dict[str, Any]:
    """Return how many users it has, rows that readers are shown and those of the fallback, and the
    digest of all lists. `top_n`: of a publication that is not on record yet.
    """
    query = on_partition(queries("publication")["counts"], publication_id)
    return asdict(
        fetch_row(conn, Counts, query, {"publication_id": publication_id, "top_n": top_n})
    )


def check_rows(
    conn: Connection, publication_id: int, snapshot: Mapping[str, Any], depth: int
) -> None:
    """Raise PublicationError where its rows are not what the snapshot (as_of, watermark) admits."""
    params = {**snapshot, "depth": depth}
    faults = count_faults(conn, publication_id, params) | count_rated(conn, publication_id, params)
    refuse_faults(snapshot, faults)
    refuse_empty(conn, publication_id, snapshot)


def count_faults(
    conn: Connection, publication_id: int, params: Mapping[str, Any]
) -> dict[str, int]:
    """Return how many users each fault concerns; the query's columns are the faults' names."""
    query = on_partition(queries("publication")["faults"], publication_id)
    return fetch_row(conn, dict[str, int], query, params)


def count_rated(conn: Connection, publication_id: int, params: Mapping[str, Any]) -> dict[str, int]:
    """Return how many users have a movie that they had rated, by the fault's name."""
    query = on_partition(queries("publication")["rated_faults"], publication_id)
    with looking_up(conn):
        return fetch_row(conn, dict[str, int], query, params)


def refuse_faults(snapshot: Mapping[str, Any], faults: Mapping[str, int]) -> None:
    """Raise PublicationError where a fault concerns a user."""
    lines = [f"{count:,} {what}" for what, count in faults.items() if count]
    if lines:
        raise PublicationError(
            f"week {snapshot['as_of']}: the publication would have "
            f"{', '.join(lines)}; expected none"
        )


def refuse_empty(conn: Connection, publication_id: int, snapshot: Mapping[str, Any]) -> None:
    """Raise PublicationError where there is no row."""
    if not fetch_value(
        conn, bool, on_partition(queries("publication")["has_rows"], publication_id)
    ):
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
