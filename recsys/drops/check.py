"""A dry run of taking drops in: what ingest would say of each, with no fact changed."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.drops.zone import Drop, LandingZone
from recsys.errors import DropError
from recsys.ingest import ledger, source_of
from recsys.ingest.load import BadFile, judge, rehearse
from recsys.ingest.source import Reject

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


def check_in_database(
    conn: Connection,
    zone: LandingZone,
    drops: Iterable[Drop],
    wanted: Container[Drop],
    *,
    max_bad_share: float,
) -> Iterator[Verdict]:
    """Take drops in, oldest first, in one transaction that is rolled back at the end; yield a
    verdict for each wanted one.

    The others are those before them, whose movies they need. An ingest waits meanwhile, as for
    another one.
    """
    with (
        advisory_lock(conn, Lock.DROPS),
        advisory_lock(conn, Lock.INGEST),
        conn.transaction(force_rollback=True),
    ):
        for drop in sorted(drops, key=ledger.ingest_order):
            if drop in wanted:
                yield _try_in_database(conn, zone, drop, max_bad_share)
            elif not _is_settled(conn, drop):
                _try_in_database(conn, zone, drop, max_bad_share)


def _is_settled(conn: Connection, drop: Drop) -> bool:
    revision = ledger.newest_revision(conn, drop)
    return revision is not None and revision.state != "registered"


def _try_in_database(
    conn: Connection, zone: LandingZone, drop: Drop, max_bad_share: float
) -> Verdict:
    try:
        ledger.register(conn, zone, drop, drop.date)
    except DropError as error:
        return Verdict(drop, error.reason, is_refused=True)
    revision = ledger.newest_revision(conn, drop)
    try:
        if revision.state == "ingested":
            sentence = (
                f"is taken in, {_counts(revision.counts['read'], revision.counts['rejected'])}"
            )
        else:
            rehearsed = rehearse(conn, zone, drop, revision.drop_id, max_bad_share=max_bad_share)
            sentence = f"would be taken in, {_counts(rehearsed.read, rehearsed.rejected)}"
    except DropError as error:
        return Verdict(
            drop, error.reason, is_refused=True, bad_rows=_first_rejected(conn, revision.drop_id)
        )
    return Verdict(
        drop, sentence, is_refused=False, bad_rows=_first_rejected(conn, revision.drop_id)
    )


def _first_rejected(conn: Connection, drop_id: int) -> tuple[str, ...]:
    params = {"drop_id": drop_id, "n_rows": SHOWN_ROWS}
    rows = conn.execute(queries("drops")["first_rejected"], params).fetchall()
    return tuple(_shown(row.file, row.line, row.reason) for row in rows)


def check_files(zone: LandingZone, drop: Drop, *, max_bad_share: float) -> Verdict:
    """Read all of a drop as ingest does, as far as that needs no database: checksums, archives,
    layout, columns, text.
    """
    read: Counter[str] = Counter()
    n_bad: Counter[str] = Counter()
    first: dict[str, list[Reject]] = defaultdict(list)
    try:
        zone.checksums(drop)
        for part in source_of(drop.source).rows_alone(zone.members(drop)):
            if isinstance(part, Reject):
                read[part.file] += 1
                n_bad[part.file] += 1
                first[part.file] += [part] if n_bad[part.file] <= SHOWN_ROWS else []
            else:
                read[part.file] += part.read
        bad_files = [
            BadFile(file, n_bad[file], bad[0].line, bad[0].reason)
            for file, bad in sorted(first.items())
        ]
        sentence = f"can be read, {_counts(read, judge(bad_files, read, max_bad_share))}"
    except DropError as error:
        return Verdict(drop, error.reason, is_refused=True, bad_rows=_first(first))
    return Verdict(drop, sentence, is_refused=False, bad_rows=_first(first))


def _first(rejects: Mapping[str, list[Reject]]) -> tuple[str, ...]:
    rows = [
        _shown(reject.file, reject.line, reject.reason)
        for _, bad in sorted(rejects.items())
        for reject in bad
    ]
    return tuple(rows[:SHOWN_ROWS])


def _shown(file: str, line: int, reason: str) -> str:
    return f"{file} line {line:,}: {reason}"


def _counts(read: Mapping[str, int], rejected: Mapping[str, int]) -> str:
    """Rows by file, and how many of them are bad."""
    files = [
        f"{file} {n:,} rows" + (f" ({rejected[file]:,} bad)" if rejected.get(file) else "")
        for file, n in read.items()
    ]
    return ", ".join(files) or "no row"
