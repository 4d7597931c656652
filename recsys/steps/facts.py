"""Facts: what the drops bring, in Postgres."""

import logging

from recsys.costs import worked_on
from recsys.db.connect import Lock, advisory_lock, one_row
from recsys.db.queries import checks, queries, sql_file
from recsys.drops.zone import LandingZone
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
    zone = LandingZone(work.settings.drops)
    lines = []
    n_read = 0
    conn = work.conn
    with advisory_lock(conn, Lock.INGEST):
        drops = ledger.drops_to_ingest(conn, zone, watermark=week.watermark, as_of=week.as_of)
        for drop_id, drop in drops:
            bad_share = work.settings.max_bad_share
            ingested = ingest(conn, zone, drop, drop_id, max_bad_share=bad_share)
            lines.append(f"{drop.source} {drop.date}: {counts_line(ingested.counts())}")
            log.info(lines[-1])
            n_read += sum(ingested.read.values())
        close_ingest(conn, week)
    worked_on(n_read)
    return lines


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
    if not one_row(work.conn, sql_file(f"checks/{check}.sql")).ok:
        raise RecsysError(f"the facts fail the check {check}; its query: sql/checks/{check}.sql")
