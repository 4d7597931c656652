"""The ledger of drops: which there are, which are new, which a week has to take in."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_rows, fetch_value, find_row
from recsys.drops.zone import Drop, DropFile, LandingZone
from recsys.errors import DropError, LedgerError
from recsys.ingest import SOURCES

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Revision:
    """A drop as it was met last."""

    drop_id: int
    sha256: str
    files: list[dict[str, Any]]
    """name, size, stamp and sha256 of each."""
    state: str
    counts: dict[str, dict[str, int]] | None

    def has(self, files: Iterable[DropFile]) -> bool:
        """Return whether these are its files by name, size and stamp: then nothing needs to be read
        to know them.
        """
        stamps = {(file["name"], file["size"], file["stamp"]) for file in self.files}
        return stamps == {(file.name, file.size, file.stamp) for file in files}


@dataclass(frozen=True)
class DropToIngest:
    """A drop of the ledger that a week has to take in."""

    drop_id: int
    source: str
    drop_date: date
    revision: int
    sha256: str
    state: str


def register_drops(conn: Connection, zone: LandingZone, as_of: date) -> list[Drop]:
    """Enter every complete drop dated up to as_of that the ledger lacks, oldest first; return them.

    The caller holds the advisory lock 'drops'. Raises DropError where a drop that the week needs
    cannot be read, or its SHA256SUMS do not agree; of one that it does not need, such as one taken
    in long ago, only the log tells.
    """
    new: list[Drop] = []
    for drop in drops_up_to(zone, as_of):
        try:
            if not _is_known(conn, zone, drop):
                new += register(conn, zone, drop, as_of)
        except DropError as error:
            if is_needed(conn, drop, as_of):
                raise
            log.warning(
                "week %s goes on without looking at a drop that it does not need: %s", as_of, error
            )
    for drop in new:
        log.info("new: %s", drop)
    return new


def drops_up_to(zone: LandingZone, as_of: date) -> list[Drop]:
    """Return all sources' drops up to a date, in the order in which they are taken in."""
    drops = [drop for source in SOURCES for drop in zone.drops(source) if drop.date <= as_of]
    return sorted(drops, key=ingest_order)


def ingest_order(drop: Drop) -> tuple[date, int]:
    """Return what drops are sorted by to be taken in: their date, then their source."""
    return drop.date, list(SOURCES).index(drop.source)


def is_needed(conn: Connection, drop: Drop, as_of: date) -> bool:
    """Return whether the week of that date still has to take a drop in."""
    params = {**_key(drop), "as_of": as_of}
    return fetch_value(conn, bool, queries("drops")["is_needed"], params)


def _is_known(conn: Connection, zone: LandingZone, drop: Drop) -> bool:
    newest = newest_revision(conn, drop)
    return newest is not None and newest.has(zone.files(drop))


def newest_revision(conn: Connection, drop: Drop) -> Revision | None:
    """Return the ledger's newest row of a drop, None where it was never met."""
    return find_row(conn, Revision, queries("drops")["newest_revision"], _key(drop))


def _key(drop: Drop) -> dict[str, Any]:
    return {"source": drop.source, "drop_date": drop.date}


def registered(conn: Connection, zone: LandingZone, drop: Drop) -> Revision:
    """Enter a drop for its own week where its bytes are new; return its newest row."""
    register(conn, zone, drop, drop.date)
    return fetch_row(conn, Revision, queries("drops")["newest_revision"], _key(drop))


def register(conn: Connection, zone: LandingZone, drop: Drop, as_of: date) -> list[Drop]:
    """Enter a drop as its next revision and return it, or nothing where the newest one has its
    bytes.
    """
    checksums = zone.checksums(drop)
    newest = newest_revision(conn, drop)
    if newest is not None and newest.sha256 == _digest(checksums):
        return []  # the same bytes, copied anew
    files = [asdict(file) | {"sha256": checksums[file.name]} for file in zone.files(drop)]
    entry = {"sha256": _digest(checksums), "files": Jsonb(files), "admitted_for": as_of}
    conn.execute(queries("drops")["register_drop"], _key(drop) | entry)
    return [drop]


def _digest(checksums: Mapping[str, str]) -> str:
    """One checksum of a whole drop."""
    lines = "".join(f"{sha}  {name}\n" for name, sha in sorted(checksums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def drops_to_ingest(
    conn: Connection, zone: LandingZone, *, watermark: int, as_of: date
) -> list[tuple[int, Drop]]:
    """(drop_id, drop) of what a week has to take in, oldest first.

    Raises LedgerError where its files are gone or have changed.
    """
    params = {"watermark": watermark, "as_of": as_of, "sources": list(SOURCES)}
    rows = fetch_rows(conn, DropToIngest, queries("drops")["drops_to_ingest"], params)
    return [(row.drop_id, still_there(conn, zone, row)) for row in rows]


def still_there(conn: Connection, zone: LandingZone, row: DropToIngest) -> Drop:
    """Return a registered drop. Raises DropError where it has gone or changed."""
    drop = zone.drop(row.source, row.drop_date)
    if drop is None:
        raise _lost(row, "gone")
    if _is_known(conn, zone, drop) or _digest(zone.checksums(drop)) == row.sha256:
        return drop
    raise _lost(row, "no longer those that were registered")


def _lost(row: DropToIngest, what_happened: str) -> LedgerError:
    return LedgerError(
        f"{row.source} drop of {row.drop_date}, revision {row.revision}: in the ledger as "
        f"{row.state}, but its files are {what_happened}; put them back, or run the week from "
        "resolve_week"
    )
