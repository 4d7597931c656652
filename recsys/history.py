"""Looking back, for a terminal: what was published, and what a person made live or took out."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from psycopg.types.multirange import Multirange
from rich.console import Console

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.errors import NothingToRecommend
from recsys.promotion.approval import Approval
from recsys.terminal import head, say, table

__all__ = ["Event", "moment", "periods", "show_history"]

_COLUMNS = ("week", "id", "live (UTC)", "what")


@dataclass(frozen=True)
class Event:
    """A publication, or what a person did to one: `cause` is "published", or what was done."""

    as_of: date
    publication_id: int
    happened_at: datetime
    cause: str
    reason: str | None
    requested_by: str | None
    run_id: str
    live: Multirange[datetime] | None
    is_shadow: bool
    recipe_key: str
    model_version: str
    decision: str | None
    forced: bool | None
    approval: Literal["approved", "rejected", "timed out"] | None
    approved_by: str | None
    git_sha: str | None
    exam_ndcg: float | None
    observed_ndcg: float | None
    observed_users: int | None

    @property
    def is_by_hand(self) -> bool:
        """Whether a person did it."""
        return self.cause != "published"

    @property
    def when(self) -> str:
        """When readers had the publication, or when the person did it."""
        if self.is_by_hand:
            return moment(self.happened_at)
        return "shadow" if self.is_shadow else periods(self.live, between=" –\n")

    @property
    def what(self) -> str:
        """What made the publication and how it was decided, or what was done, why and by whom."""
        if self.is_by_hand:
            return f"{self.cause} by {self.requested_by or 'nobody named'}: {self.reason}"
        forced = " (forced)" if self.forced else ""
        return f"{self._model}, {self.decision or 'no decision of its own'}{forced}"

    @property
    def row(self) -> tuple[object, ...]:
        """Its line in the table."""
        return self.as_of, self.publication_id, self.when, self.what

    @property
    def details(self) -> list[str]:
        """What the table has no room for."""
        if self.is_by_hand:
            return [self._model, f"run {self.run_id or 'not on record'}"]
        return [
            f"NDCG@10: exam {_figure(self.exam_ndcg)}, observed {_figure(self.observed_ndcg)} "
            f"({self._people})",
            *([Approval(self.approval, self.approved_by).sentence] if self.approval else []),
            f"run {self.run_id}",
            f"code {commit(self.git_sha)}",
        ]

    @property
    def _model(self) -> str:
        return f"{self.recipe_key} v{self.model_version}"

    @property
    def _people(self) -> str:
        return f"{self.observed_users:,} users" if self.observed_users else "nobody yet"


def show_history(conn: Connection, console: Console, weeks: int, *, every: bool = False) -> None:
    """Show what was published for the newest weeks, and what a person made live: a line each, the
    newest first, or with `every` all that the ledger has on it.
    """
    events = fetch_rows(conn, Event, queries("history")["events"], {"weeks": weeks})
    if not events:
        raise NothingToRecommend(
            "nothing was ever published: expected a run that reached publish_recommendations"
        )
    if every:
        for event in events:
            show_event(console, event)
        return
    console.print(table(_COLUMNS, [event.row for event in events], whole=_COLUMNS[:3]))


def show_event(console: Console, event: Event) -> None:
    head(console, f"Week {event.as_of}", f", publication {event.publication_id}")
    when = event.when.replace("\n", " ")
    for line in (f"{'' if event.is_by_hand else 'live '}{when}", event.what, *event.details):
        say(console, line)


def periods(live: Multirange[datetime] | None, between: str = " – ") -> str:
    """Return when readers had a publication, a line a period."""
    lines = [f"{moment(part.lower)}{between}{moment(part.upper)}" for part in live or ()]
    return "\n".join(lines) or "never"


def moment(at: datetime | None) -> str:
    """Return a moment to the minute; the end of a period without one is now."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "now"


def _figure(value: float | None) -> str:
    return f"{value:.4f}" if value is not None else "–"


def commit(git_sha: str | None) -> str:
    """The beginning of a commit; a + says that files were changed since."""
    if not git_sha:
        return "not on record"
    return f"{git_sha[:10]}{'+' if git_sha.endswith('+') else ''}"
