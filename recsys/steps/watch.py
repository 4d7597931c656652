"""Watching: how last week's lists did, what has drifted, and the report of the week."""

import logging
from collections.abc import Sequence
from datetime import date

from recsys import observed, report
from recsys.drift.watch import watch
from recsys.errors import DriftError
from recsys.promotion import ledger
from recsys.promotion.mirror import mirror_exam, mirror_week
from recsys.week import WeekPlan
from recsys.weeks_page.page import page as weeks_page
from recsys.weeks_page.record import read_record
from recsys.work import Work

__all__ = ["judge_publication", "report_week", "watch_drift"]

log = logging.getLogger(__name__)


def judge_publication(work: Work, week: WeekPlan) -> str:
    """Judge the lists of the week before by what their users have rated and liked since.

    Returns a table in Markdown, empty where there were no lists. The figures are stored in the
    ledger, and in MLflow with the week whose lists they are: beside the exam that chose them.
    """
    observed.judge(work.conn, week, resamples=work.settings.bootstrap_resamples)
    table = report.observed_table(work.conn, week)
    metrics = report.observed_metrics(work.conn, week)
    since = observed.judged_week(work.conn, week.as_of)
    if since is not None:
        mirror_week(work, since, texts={}, metrics=metrics)
    log.info("%s", table or f"week {week.as_of}: no lists before it to judge")
    return table


def watch_drift(work: Work, week: WeekPlan) -> list[str]:
    """Return a sentence for each measure that is unlike the weeks before.

    Raises DriftError where the settings do not let one of them pass.
    """
    watched = watch(work.conn, week, n_weeks=work.settings.drift_weeks)
    drifted = [drift for drift in watched if drift.drifted]
    for drift in drifted:
        log.warning("drift: %s", drift.sentence)
    fatal = [d.sentence for d in drifted if d.measure in work.settings.drift_fails]
    if fatal:
        raise DriftError(
            f"week {week.as_of} has drifted, and RECSYS_DRIFT_FAILS does not let that pass: "
            f"{' '.join(fatal)}"
        )
    return [drift.sentence for drift in drifted]


def report_week(
    work: Work, week: WeekPlan, promotion_id: int, publication_id: int, notes: Sequence[str] = ()
) -> str:
    """Return the week on one page, in Markdown; MLflow keeps it, beside a page on all weeks so far.

    `notes` are sentences on what the week's run met on its way.
    """
    decision = ledger.decision_by_id(work.conn, promotion_id)
    page = report.week_page(work.conn, week, decision, publication_id, notes)
    mirror_report(work, week.as_of, page.full)
    log.info("\n%s", page.brief)
    return page.full


def mirror_report(work: Work, as_of: date, report_text: str) -> None:
    """Keep a week's report in MLflow, beside a page on all weeks so far."""
    all_weeks = weeks_page(read_record(work.conn, until=as_of))
    texts = {"report.md": report_text, "weeks.html": all_weeks}
    mirror_exam(work.conn, work.registry, as_of)  # again, as MLflow may have been away since
    mirror_week(work, as_of, texts=texts, metrics={}, is_last=True)
