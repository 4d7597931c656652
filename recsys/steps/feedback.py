"""What came through the API until the week begins, as a drop of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from recsys.costs import worked_on
from recsys.db.migrate import check_schema
from recsys.drops.zone import LandingZone
from recsys.feedback import close_feedback
from recsys.promotion.retire import refuse_retired
from recsys.request import RunRequest
from recsys.steps.plan import date_of_week
from recsys.work import Work

__all__ = ["collect_feedback"]


@dataclass(frozen=True)
class ClosedFeedback:
    """How many ratings a run closed, and for which day."""

    as_of: date
    n_ratings: int

    def to_json(self) -> dict[str, Any]:
        """Return a small value for whoever looks at the task."""
        return {"as_of": self.as_of.isoformat(), "n_ratings": self.n_ratings}


def collect_feedback(work: Work, request: RunRequest, today: date | None = None) -> ClosedFeedback:
    """Write what was rated through the API before the run's day as a drop of the source `feedback`,
    so that the week takes it in; nothing where there is none, or for a day not newer than the last.

    Raises as `resolve_week` does for a day that no week can have, and DropError where the landing
    zone cannot be written to.
    """
    zone = LandingZone(work.settings.drops)
    today = today or datetime.now(UTC).date()
    as_of = date_of_week(work.settings, zone, request, today)
    check_schema(work.conn)
    refuse_retired(work.conn, as_of)
    n_ratings = close_feedback(work.conn, zone, as_of)
    if n_ratings:
        worked_on(n_ratings)
    return ClosedFeedback(as_of, n_ratings)
