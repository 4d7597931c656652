"""A dry run of taking drops in: what ingest would say of each, with no fact changed."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.drops.zone import Drop, LandingZone
from recsys.errors import DropError
from recsys.ingest import ledger, source_of
from recsys.ingest.load import BadFile, judge, rehearse
from recsys.ingest.source import Reject, Rows

#: Bad rows that are shown of a drop.
SHOWN_ROWS = 5


@dataclass(frozen=True)
class Verdict:
    """What came of a drop's dry run: what it brings, or why it would be refused, and the first of
    its bad rows.
    """

    drop: Drop
    sentence: str
    is_refused: bool
    bad_rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class BadRow:
    """A row that was set aside, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line:,}: {self.reason}"


def check_in_database(
    conn: Connection,
    zone: LandingZone,
    drops: Iterable[Drop],
    chosen: Container[Drop],
    *,
    max_bad_share: float,
) -> Iterator[Verdict]:
    """Take drops in, oldest first, in one transaction that is rolled back at the end; yield a
    verdict for each chosen one.

    The others are those before them, whose movies they need. An ingest waits meanwhile, as for
    another one.
    """
    rehearsal = _Rehearsal(conn, zone, max_bad_share)
    with (
        advisory_lock(conn, Lock.DROPS),
        advisory_lock(conn, Lock.INGEST),
        conn.transaction(force_rollback=True),
    ):
        for drop in sorted(drops, key=ledger.ingest_order):
            if drop in chosen:
                yield rehearsal.of(drop)
            elif not rehearsal.is_settled(drop):
                rehearsal.of(drop)


@dataclass(frozen=True)
class _Rehearsal:
    """Drops taken in one after the other, in a transaction that is rolled back."""

    conn: Connection
    zone: LandingZone
    max_bad_share: float

    def is_settled(self, drop: Drop) -> bool:
        """Return whether a drop is taken in or refused already."""
        revision = ledger.newest_revision(self.conn, drop)
        return revision is not None and revision.state != "registered"

    def of(self, drop: Drop) -> Verdict:
        """Take a drop in."""
        try:
            revision = ledger.registered(self.conn, self.zone, drop)
        except DropError as error:
            return Verdict(drop, error.reason, is_refused=True)
        try:
            sentence = self._sentence(drop, revision)
            is_refused = False
        except DropError as error:
            sentence = error.reason
            is_refused = True
        return Verdict(drop, sentence, is_refused, self.first_rejected(revision))

    def _sentence(self, drop: Drop, revision: ledger.Revision) -> str:
        counts = revision.counts
        if revision.state == "ingested" and counts:
            return f"is taken in, {_counts(counts['read'], counts['rejected'])}"
        drop_id = revision.drop_id
        rows = rehearse(self.conn, self.zone, drop, drop_id, max_bad_share=self.max_bad_share)
        return f"would be taken in, {_counts(rows.read, rows.rejected)}"

    def first_rejected(self, revision: ledger.Revision) -> tuple[str, ...]:
        params = {"drop_id": revision.drop_id, "n_rows": SHOWN_ROWS}
        rows = fetch_rows(self.conn, BadRow, queries("drops")["first_rejected"], params)
        return tuple(map(str, rows))


def check_files(zone: LandingZone, drop: Drop, *, max_bad_share: float) -> Verdict:
    """Read all of a drop as ingest does, as far as that needs no database: checksums, archives,
    layout, columns, text.
    """
    reading = _Reading()
    try:
        zone.checksums(drop)
        for part in source_of(drop.source).rows_alone(zone.members(drop)):
            reading.take(part)
        rejected = judge(reading.bad_files, reading.read, max_bad_share)
    except DropError as error:
        return Verdict(drop, error.reason, is_refused=True, bad_rows=reading.bad_rows)
    sentence = f"can be read, {_counts(reading.read, rejected)}"
    return Verdict(drop, sentence, is_refused=False, bad_rows=reading.bad_rows)


class _Reading:
    """How many rows of each file were read, and the first of its bad ones."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self._n_bad: Counter[str] = Counter()
        self._first: dict[str, list[Reject]] = defaultdict(list)

    def take(self, part: Rows | Reject) -> None:
        """Count the rows of a part."""
        if isinstance(part, Rows):
            self.read[part.file] += part.read
            return
        self.read[part.file] += 1
        self._n_bad[part.file] += 1
        if len(self._first[part.file]) < SHOWN_ROWS:
            self._first[part.file].append(part)

    @property
    def bad_files(self) -> list[BadFile]:
        """Return the files that have bad rows."""
        return [
            BadFile(file, self._n_bad[file], rows[0].line, rows[0].reason)
            for file, rows in self._first.items()
        ]

    @property
    def bad_rows(self) -> tuple[str, ...]:
        """Return the first bad rows, by file."""
        rows = [row for _, bad in sorted(self._first.items()) for row in bad]
        return tuple(str(BadRow(row.file, row.line, row.reason)) for row in rows[:SHOWN_ROWS])


def _counts(read: Mapping[str, int], rejected: Mapping[str, int]) -> str:
    """Rows by file, and how many of them are bad."""
    files = [f"{file} {n:,} rows{_bad(rejected.get(file, 0))}" for file, n in read.items()]
    return ", ".join(files) or "no row"


def _bad(n_rows: int) -> str:
    return f" ({n_rows:,} bad)" if n_rows else ""
