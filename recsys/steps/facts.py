"""Facts: what the drops bring, in Postgres."""

import logging
from dataclasses import dataclass

from recsys.costs import worked_on
from recsys.db.connect import Lock, advisory_lock
from recsys.db.queries import checks, queries, sql_file
from recsys.db.rows import find_value
from recsys.drops.zone import Drop, LandingZone
from recsys.errors import RecsysError
from recsys.ingest import ledger
from recsys.ingest.load import ingest
from recsys.report import counts_line
from recsys.week import WeekPlan, close_ingest
from recsys.work import Work

__all__ = ["check_facts", "ingest_drops", "refresh_views"]

log = logging.getLogger(__name__)


def ingest_drops(work: Work, week: WeekPlan) -> list[str]:
    """Ingest each drop up to the week's watermark that the facts lack, oldest first.

    Returns a line a drop. Raises DropError at a bad one, of which nothing is taken in.
    """
    with advisory_lock(work.conn, Lock.INGEST):
        brought = ingest_registered(work, week)
        close_ingest(work.conn, week)
    worked_on(sum(each.n_read for each in brought))
    return [each.line for each in brought]


@dataclass(frozen=True)
class Brought:
    """What a drop brought, as a line, and how many rows were read."""

    line: str
    n_read: int


def ingest_registered(work: Work, week: WeekPlan) -> list[Brought]:
    """Ingest the drops that the week admits and the facts lack, oldest first."""
    zone = LandingZone(work.settings.drops)
    conn = work.conn
    drops = ledger.drops_to_ingest(conn, zone, watermark=week.watermark, as_of=week.as_of)
    return [ingest_drop(work, zone, drop, drop_id) for drop_id, drop in drops]


def ingest_drop(work: Work, zone: LandingZone, drop: Drop, drop_id: int) -> Brought:
    """Ingest a drop, and log what it brought."""
    bad_share = work.settings.max_bad_share
    ingested = ingest(work.conn, zone, drop, drop_id, max_bad_share=bad_share)
    line = f"{drop.source} {drop.date}: {counts_line(ingested.counts())}"
    log.info(line)
    return Brought(line, sum(ingested.read.values()))


def refresh_views(work: Work) -> None:
    """Bring the materialized views up to the facts, while others read them."""
    with advisory_lock(work.conn, Lock.VIEWS):
        for name, statement in queries("views").items():
            log.info("%s", name)
            work.conn.execute(statement)


def check_facts(work: Work, check: str) -> None:
    """Run one data-quality check, by its file's name under sql/checks.

    Raises RecsysError where it fails, and where there is no such check.
    """
    if check not in {path.stem for path in checks()}:
        names = ", ".join(path.stem for path in checks())
        raise RecsysError(f"no check {check!r} in sql/checks; expected one of {names}")
    if not find_value(work.conn, bool, sql_file(f"checks/{check}.sql")):
        raise RecsysError(f"the facts fail the check {check}; its query: sql/checks/{check}.sql")
