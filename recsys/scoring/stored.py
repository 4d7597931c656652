"""The publications on record, and what has to be scored for a new one."""

from dataclasses import dataclass

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_values, find_row
from recsys.scoring.spec import PublicationSpec


@dataclass(frozen=True)
class StoredPublication:
    """A publication on record, and whether its rows are there."""

    publication_id: int
    n_users: int
    n_rows: int
    n_fallback: int
    rows_sha256: str
    is_live: bool
    has_rows: bool
    is_half_detached: bool


def find_publication(conn: Connection, spec: PublicationSpec) -> StoredPublication | None:
    """Return the publication of a spec, None where none is on record."""
    params = {"publication_key": spec.key}
    return find_row(conn, StoredPublication, queries("publication")["by_key"], params)


def fetch_publication(conn: Connection, spec: PublicationSpec) -> StoredPublication:
    """Return the publication of a spec that is on record."""
    params = {"publication_key": spec.key}
    return fetch_row(conn, StoredPublication, queries("publication")["by_key"], params)


def is_published(conn: Connection, spec: PublicationSpec) -> bool:
    """Return whether the publication's rows are there."""
    stored = find_publication(conn, spec)
    return stored is not None and stored.has_rows


def stale_challenger(conn: Connection, spec: PublicationSpec) -> StoredPublication | None:
    """Return the challenger's publication if lists are still to be copied from it and it holds a
    movie that was withdrawn since.
    """
    if spec.challenger is None or is_published(conn, spec):
        return None
    shadow = find_publication(conn, spec.challenger)
    if shadow is None or not shadow.has_rows:
        return None
    params = {"publication_id": shadow.publication_id}
    withdrawn = fetch_values(conn, int, queries("live")["withdrawn_since"], params)
    return shadow if withdrawn else None


def specs_to_score(conn: Connection, spec: PublicationSpec) -> list[PublicationSpec]:
    """Return which of a spec and its challenger's need candidates: their rows are not there, or
    may not be used again.
    """
    parts = [spec] if spec.challenger is None else [spec, spec.challenger]
    missing = [part for part in parts if not is_published(conn, part)]
    if spec.challenger and stale_challenger(conn, spec):
        missing.append(spec.challenger)
    return missing
