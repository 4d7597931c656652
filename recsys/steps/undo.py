"""What a person does to what is live, outside the week's steps."""

import logging
from collections.abc import Callable
from datetime import date

from recsys.promotion import live, retire
from recsys.promotion.mirror import mirror_champion
from recsys.work import Work

__all__ = ["past_publications", "retire_week", "rollback_publication"]

log = logging.getLogger(__name__)


def past_publications(work: Work) -> list[tuple[int, str]]:
    """Return each publication that can be made live, newest first, with a line on it."""
    publications = live.publications_to_show(work.conn)
    return [(publication.publication_id, publication.summary) for publication in publications]


def rollback_publication(
    work: Work,
    *,
    publication_id: int | None,
    reason: str,
    requested_by: str,
    report: Callable[[str], None] = log.info,
) -> str:
    """Make another publication live, with its recipe as champion; return what was done.

    Without an id it is the newest that was live before the present one and was not rolled back
    from. The ledger changes at once, which is reported at once; MLflow's alias follows, or is put
    right by the next run if this one is cut short or MLflow is away.
    """
    run_id = work.run.run_id
    flip = live.roll_back(
        work.conn, publication_id, reason=reason, requested_by=requested_by, run_id=run_id
    )
    report(str(flip))
    mirror_champion(work.conn, work.registry)
    return str(flip)


def retire_week(
    work: Work,
    as_of: date,
    *,
    reason: str,
    requested_by: str,
    undo: bool = False,
) -> str:
    """Take a week out, so that it counts for nothing, or with `undo` let it count again.

    Where its lists were live, what would be live without it is so at once, and its recipe is
    champion. Returns what was done.
    """
    change = retire.undo_retirement if undo else retire.retire_week
    run_id = work.run.run_id
    done = change(work.conn, as_of, reason=reason, requested_by=requested_by, run_id=run_id)
    log.info(str(done))
    mirror_champion(work.conn, work.registry)
    return str(done)
