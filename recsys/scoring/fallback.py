"""What lists are filled up from, for publications that were made before it was stored with them."""

from dataclasses import asdict, dataclass
from datetime import date

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows

__all__ = ["store_missing_fallbacks"]


@dataclass(frozen=True)
class WithoutFallback:
    """A publication without its movies by popularity, and what these depend on."""

    publication_id: int
    as_of: date
    watermark: int
    like_threshold: float
    half_life_days: float


def store_missing_fallbacks(conn: Connection) -> list[int]:
    """Store what each publication would have stored, the live one's first; return their ids.

    Each commits by itself, so that a call that was cut short is finished by the next.
    """
    with advisory_lock(conn, Lock.PUBLISH):
        missing = fetch_rows(conn, WithoutFallback, queries("publication")["without_fallback"])
        for publication in missing:
            store_fallback(conn, publication)
    return [publication.publication_id for publication in missing]


def store_fallback(conn: Connection, publication: WithoutFallback) -> None:
    """Store a publication's movies by popularity, by the queries of a new publication."""
    params = asdict(publication)
    with conn.transaction():
        conn.execute(queries("publication")["gather_readers"], params)
        conn.execute(queries("publication")["weigh_likes"], params)
        conn.execute(queries("publication")["record_fallback"], params)
        conn.execute(queries("publication")["drop_likes"])
