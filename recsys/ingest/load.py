"""One drop from files to facts: staging → checks → merge. A bad drop leaves its ledger row and its
rejected rows.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.drops.zone import Drop, LandingZone
from recsys.errors import DropError
from recsys.ingest import source_of
from recsys.ingest.population import check_population
from recsys.ingest.rejects import RejectSpool
from recsys.ingest.source import Reject, Rows
from recsys.ingest.staging import Stage, StagingTable

#: A file cut short or damaged on its way. Trying again on the same bytes cannot help.
_UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, pa.ArrowInvalid)


@dataclass(frozen=True)
class Ingested:
    """What a drop brought: file or table → rows."""

    read: dict[str, int]
    rejected: dict[str, int]
    new: dict[str, int]

    def counts(self) -> dict[str, dict[str, int]]:
        return {"read": self.read, "rejected": self.rejected, "new": self.new}


class BadFile(NamedTuple):
    """How many rows of a file were set aside, and the first of them."""

    file: str
    n: int
    line: int
    reason: str


def ingest(
    conn: Connection, zone: LandingZone, drop: Drop, drop_id: int, *, max_bad_share: float
) -> Ingested:
    """Take a registered drop in. The caller holds the advisory lock 'ingest'.

    Raises DropError, with the drop named, where it is refused: its ledger row and rejected rows are
    then written, no fact.
    """
    load = _Load(conn, drop, drop_id)
    load.stage_checked(zone, max_bad_share)
    return load.merge()


def rehearse(
    conn: Connection, zone: LandingZone, drop: Drop, drop_id: int, *, max_bad_share: float
) -> Ingested:
    """Do as `ingest` in a transaction that the caller rolls back, and merge only the facts that the
    checks of later drops need.
    """
    load = _Load(conn, drop, drop_id)
    load.stage_checked(zone, max_bad_share)
    return load.keep([table for table in load.source.tables if table.has_movies])


class _Load:
    """One drop on its way into the facts."""

    def __init__(self, conn: Connection, drop: Drop, drop_id: int) -> None:
        self.source = source_of(drop.source)
        self._conn = conn
        self._drop = drop
        self._drop_id = drop_id
        self._population: str | None = None
        self._stage = Stage(conn)
        self._rejected: dict[str, int] = {}

    def stage_checked(self, zone: LandingZone, max_bad_share: float) -> None:
        """Bring the drop's rows into staging and check them. Raises DropError where the drop is
        refused.
        """
        try:
            self.stage_rows(zone)
            bad_files = fetch_rows(self._conn, BadFile, queries("ingest")["rejected_by_file"])
            self._rejected = judge(bad_files, self._stage.read, max_bad_share)
            check_population(self._conn, self._population)
        except DropError as error:
            self._refuse(error.reason)
            raise DropError(error.reason, self._drop) from error
        except _UNREADABLE as error:
            reason = f"cannot be read to its end: {type(error).__name__}: {error}"
            self._refuse(reason)
            raise DropError(reason, self._drop) from error

    def stage_rows(self, zone: LandingZone) -> None:
        members = zone.members(self._drop)
        self._population = self.source.population(members)
        stage = Stage(self._conn)
        with self._conn.transaction():
            _copy(stage, self.source.rows(members, self._conn), self.source.tables)
            self._conn.execute(queries("ingest")["forget_erased"])
            for table in self.source.tables:
                table.check(stage)
        self._stage = stage

    def _refuse(self, reason: str) -> None:
        """Write the ledger row and the rejected rows, in a transaction of their own."""
        read = dict(self._stage.read)
        with self._conn.transaction():
            self._forget_rejected()
            if read:  # staging holds this drop, and not what an earlier one left
                self._keep_rejected()
            self._settle("refused", {"read": read}, reason)

    def merge(self) -> Ingested:
        """Make all facts of the drop, its rejected rows and its ledger row: in one transaction."""
        tables = self.source.tables
        with advisory_lock(self._conn, Lock.VIEWS), self._conn.transaction():
            ingested = self.keep(tables)
            catalogue = [fact for table in tables if table.is_of_catalogue for fact in table.facts]
            if any(ingested.new[fact] for fact in catalogue):
                # readers see a movie as soon as its facts are there
                self._conn.execute(queries("views")["refresh_catalogue"])
        return ingested

    def keep(self, tables: Iterable[StagingTable]) -> Ingested:
        """Merge these tables, and write the rejected rows and the ledger row of a drop that is
        taken in.
        """
        new: dict[str, int] = {}
        for table in tables:
            new |= table.merge(self._stage, self._drop_id)
        ingested = Ingested(dict(self._stage.read), self._rejected, new)
        self._forget_rejected()
        self._keep_rejected()
        self._conn.execute(queries("ingest")["empty_staging"])
        self._settle("ingested", ingested.counts(), None)
        return ingested

    def _forget_rejected(self) -> None:
        self._conn.execute(queries("drops")["forget_rejected"], {"drop_id": self._drop_id})

    def _keep_rejected(self) -> None:
        self._conn.execute(queries("drops")["keep_rejected"], {"drop_id": self._drop_id})

    def _settle(self, state: str, counts: dict[str, Any], reason: str | None) -> None:
        params = {
            "drop_id": self._drop_id,
            "state": state,
            "counts": Jsonb(counts),
            "reason": reason,
            "population": self._population,
        }
        self._conn.execute(queries("drops")["settle_drop"], params)


def _copy(stage: Stage, rows: Iterator[Rows | Reject], tables: Iterable[StagingTable]) -> None:
    """COPY everything into staging, counting the rows read of each file."""
    stage.conn.execute(queries("ingest")["empty_staging"])
    by_name = {table.name: table for table in tables}
    with RejectSpool() as rejects:
        good = rejects.take_out(rows, stage.read)
        for name, parts in groupby(good, key=lambda part: part.table):
            by_name[name].copy(stage, parts)
        rejects.copy(stage.conn)


def judge(
    bad_files: Iterable[BadFile], read: Mapping[str, int], max_bad_share: float
) -> dict[str, int]:
    """Return the rejected rows by file. Raises DropError for the first file, in the order in which
    they were read, that has more than its share: without movies, all ratings are bad too.
    """
    places = {file: place for place, file in enumerate(read)}
    rejected: dict[str, int] = {}
    for bad in sorted(bad_files, key=lambda bad: places[bad.file]):
        rejected[bad.file] = bad.n
        share = bad.n / max(read[bad.file], 1)
        if share > max_bad_share:
            raise DropError(
                f"{bad.n:,} of {read[bad.file]:,} rows of {bad.file} are bad ({share:.1%}, allowed "
                f"{max_bad_share:.1%}); the first is line {bad.line:,}: {bad.reason}"
            )
    return rejected
