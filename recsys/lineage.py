"""Where a user's list came from, for a terminal: model, data, code, decision, approval."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from psycopg.types.multirange import Multirange
from rich.console import Console
from rich.table import Table

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_rows, find_row
from recsys.errors import NothingToRecommend
from recsys.history import moment, periods
from recsys.promotion.approval import Approval
from recsys.report.lists import ListedMovie
from recsys.terminal import head, plain, say, table

__all__ = ["NOW", "Moment", "show_lineage"]

_LIST = ("", "title", "genres", "score", "source")
_DROPS = ("source", "drop", "revision", "rows", "new", "sha256 begins")
#: Columns that a narrow terminal does not break.
_WHOLE = {"", "score", "source", *_DROPS}


@dataclass(frozen=True)
class Moment:
    """When readers saw a list: as a day ended in UTC (`on`), or while a week was the newest that
    had ever been live, whenever that was (`as_of`); neither is now.
    """

    on: date | None = None
    as_of: date | None = None

    @property
    def before(self) -> datetime | None:
        """The end of the day."""
        return datetime.combine(self.on + timedelta(1), time(), UTC) if self.on else None

    def __str__(self) -> str:
        if self.on:
            return f"at the end of {self.on}"
        return f"in week {self.as_of}" if self.as_of else "yet"


NOW = Moment()


@dataclass(frozen=True)
class InForce:
    """What made a publication the live one."""

    publication_id: int
    cause: str
    reason: str | None
    requested_by: str | None
    went_live_at: datetime


@dataclass(frozen=True)
class ListedInArm(ListedMovie):
    """A row of a user's list; `arm` says whose it is in an experiment."""

    arm: str | None


@dataclass(frozen=True)
class Lineage:
    """A row of the view `lineage`, with what is on record of the run."""

    publication_id: int
    as_of: date
    live: Multirange[datetime] | None
    recipe_key: str
    model_version: str
    recipe: Mapping[str, Any] | None
    watermark: int
    drops: Sequence[Mapping[str, Any]] | None
    fingerprint: str | None
    n_ratings: int | None
    n_users: int
    n_rows: int
    n_fallback: int
    rows_sha256: str
    git_sha: str | None
    run_id: str | None
    published_at: datetime
    dropped_at: datetime | None
    promotion_id: int | None
    decision: str | None
    forced: bool | None
    reasons: Sequence[str] | None
    gates_passed: int | None
    gates_refused: int | None
    decided_git_sha: str | None
    approval: Literal["approved", "rejected", "timed out"] | None
    approved_by: str | None
    experiment: str | None
    challenger_id: int | None
    copy_of: int | None
    left_out: Sequence[int] | None
    n_erased: int | None
    sha256_left: str | None
    run_kind: str | None
    started_by: str | None
    started_at: datetime | None

    @property
    def model(self) -> str:
        """The recipe with its settings, and its version."""
        settings = json.dumps(self.recipe["settings"], sort_keys=True) if self.recipe else None
        return (
            f"{self.recipe_key}, version {self.model_version}; settings "
            f"{settings or 'not on record'}"
        )

    @property
    def data(self) -> str:
        """What the model was fitted on."""
        if not self.fingerprint:
            return "not on record"
        return f"{self.n_ratings:,} ratings; fingerprint {self.fingerprint}"

    @property
    def size(self) -> str:
        """How many rows were published, and their digest."""
        return (
            f"{self.n_rows:,} rows for {self.n_users:,} users, {self.n_fallback:,} from the "
            f"fallback; sha256 {self.rows_sha256}"
        )

    @property
    def code(self) -> str:
        """The commit that published it, and the one that decided where that is another."""
        other = self.decided_git_sha if self.decided_git_sha != self.git_sha else None
        return f"{self.git_sha or 'not on record'}{f'; decided by {other}' if other else ''}"

    @property
    def run(self) -> str:
        """Which run made it, and what the ledger knows of the run."""
        published = f"{self.run_id or 'not on record'}, published {moment(self.published_at)}"
        if not self.run_kind:
            return published
        by = f" by {self.started_by}" if self.started_by else ""
        return f"{published}; a {self.run_kind} run, first started {moment(self.started_at)}{by}"

    @property
    def why_champion(self) -> str:
        """The decision, with its reasons."""
        outcome = f"{self.decision or 'none of its own'}{' (forced)' if self.forced else ''}"
        return f"decision {self.promotion_id}, {outcome}: {' '.join(self.reasons or ())}"

    @property
    def agreement(self) -> str:
        """Who approved it."""
        if not self.approval:
            return "nobody was asked"
        return Approval(self.approval, self.approved_by).sentence

    @property
    def facts(self) -> Iterator[tuple[str, str]]:
        """What every publication has, a line a question."""
        yield "fitted on", self.data
        yield "published", self.size
        yield "code", self.code
        yield "run", self.run
        yield "why champion", self.why_champion
        yield (
            "gates",
            f"{self.gates_passed or 0} answers passed, {self.gates_refused or 0} refused",
        )
        yield "approval", self.agreement
        yield "live", periods(self.live)

    @property
    def changes(self) -> Iterator[tuple[str, str]]:
        """What was done to its rows since it was made."""
        if self.copy_of is not None:
            movies = ", ".join(map(str, self.left_out or ()))
            without = f", without withdrawn movies {movies}" if movies else ""
            yield "copy", f"of publication {self.copy_of}{without}"
        if self.n_erased:
            yield (
                "erased",
                f"{self.n_erased:,} of its rows since, with their users; sha256 of what is left "
                f"{self.sha256_left}",
            )


def show_lineage(
    conn: Connection, console: Console, user_id: int, at: Moment = NOW, *, every: bool = False
) -> None:
    """Show a user's list as readers saw it, and where it came from; with `every`, checksums of the
    drops too. Raises NothingToRecommend where that was nothing.
    """
    flip = in_force(conn, at)
    publication = _lineage(conn, flip.publication_id)
    key = {"publication_id": flip.publication_id, "user_id": user_id}
    listed = fetch_rows(conn, ListedInArm, queries("history")["list"], key)
    name = f"publication {publication.publication_id} of week {publication.as_of}"
    if not listed and publication.dropped_at is None:
        raise NothingToRecommend(f"user {user_id} has no row in {name}")
    head(console, f"User {user_id}", f", {name}")
    show_list(console, publication, listed)
    console.print(_grid(origin(conn, publication, flip, listed)))
    show_drops(console, publication, every=every)


def in_force(conn: Connection, at: Moment) -> InForce:
    params = {"before": at.before, "as_of": at.as_of}
    flip = find_row(conn, InForce, queries("history")["in_force"], params)
    if flip is None:
        raise NothingToRecommend(
            f"nothing was live {at}: python -m recsys history shows what was live when"
        )
    return flip


def _lineage(conn: Connection, publication_id: int) -> Lineage:
    key = {"publication_id": publication_id}
    return fetch_row(conn, Lineage, queries("history")["lineage"], key)


def show_list(console: Console, publication: Lineage, listed: Sequence[ListedInArm]) -> None:
    if not listed:
        say(
            console,
            f"Its rows went by retention at {moment(publication.dropped_at)}; running week "
            f"{publication.as_of} again makes them again.",
        )
        return
    rows = [
        (row.rank, row.title, ", ".join(row.genres), f"{row.score:.4f}", row.source)
        for row in listed
    ]
    console.print(table(_LIST, rows, whole=_WHOLE))


def show_drops(console: Console, publication: Lineage, *, every: bool) -> None:
    say(console, f"drops taken in by then, up to watermark {publication.watermark}", style="bold")
    drops = publication.drops or ()
    console.print(table(_DROPS, map(_drop, drops), whole=_WHOLE))
    for drop in drops if every else ():
        say(console, f"{drop['source']} {drop['drop_date']}: sha256\n{drop['sha256']}")


def _drop(drop: Mapping[str, Any]) -> tuple[object, ...]:
    numbers = (f"{drop['rows']:,}", f"{drop['new']:,}")
    return drop["source"], drop["drop_date"], drop["revision"], *numbers, drop["sha256"][:12]


def origin(
    conn: Connection, publication: Lineage, flip: InForce, listed: Sequence[ListedInArm]
) -> Iterator[tuple[str, str]]:
    """Where a list comes from, a line a question."""
    is_challenger = bool(listed) and listed[0].arm == "challenger"
    if is_challenger and publication.challenger_id is not None:
        challenger = _lineage(conn, publication.challenger_id)
        yield "model", challenger.model
        yield (
            "experiment",
            f"{publication.experiment}: the user is in the challenger's share, its publication "
            f"{challenger.publication_id}",
        )
    else:
        yield "model", publication.model
        if publication.experiment:
            yield "experiment", f"{publication.experiment}: the user is in the champion's share"
    yield from publication.facts
    yield from publication.changes
    if flip.cause != "published":
        yield flip.cause, f"{moment(flip.went_live_at)} by {flip.requested_by}: {flip.reason}"


def _grid(lines: Iterable[tuple[str, str]]) -> Table:
    """Names and what is to be said of each, side by side."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in lines:
        grid.add_row(name, plain(text))
    return grid
