"""What readers see, and its history: flips by the pipeline and by hand, each one transaction of a
handful of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import PublicationError
from recsys.limits import check_reason
from recsys.promotion.copies import without_withdrawn
from recsys.promotion.reigns import standing_reigns


@dataclass(frozen=True)
class Visible:
    """A publication that is whole and may go live."""

    publication_id: int
    as_of: date
    recipe_key: str
    model_version: str
    n_users: int
    n_rows: int
    top_n: int | None
    experiment: str | None
    first_live_at: datetime | None
    last_live_at: datetime | None
    is_live: bool
    origin_id: int  # what it was copied from, or itself
    left_out: list[int]  # movies that the copy lacks

    @property
    def summary(self) -> str:
        """Return one line that tells it from the others."""
        made_by = f"{self.recipe_key} version {self.model_version}"
        length = f"top {self.top_n}, " if self.top_n else ""
        arms = f", in the experiment {self.experiment}" if self.experiment else ""
        counts = f"{length}{self.n_rows:,} rows for {self.n_users:,} users"
        return (
            f"{self.publication_id}: week {self.as_of}, {made_by}, {counts}{arms}{self._copy}, "
            f"{self.reign}"
        )

    @property
    def _copy(self) -> str:
        """Return what it is a copy of, if it is one."""
        if self.origin_id == self.publication_id:
            return ""
        movies = ", ".join(map(str, self.left_out)) or "a user who was erased"
        return f", a copy of {self.origin_id} without {movies}"

    @property
    def reign(self) -> str:
        """Return when readers had it."""
        if self.last_live_at is None:
            return "never live"
        return (
            f"live {'now, since' if self.is_live else 'last from'} "
            f"{self.last_live_at:%Y-%m-%d %H:%M} UTC"
        )


@dataclass(frozen=True)
class Flip:
    """What a rollback came to. `overruled` are weeks that had been decided and were not live yet;
    `chosen` is what was rolled back to, where `now` is its copy without withdrawn movies.
    """

    before: int | None
    now: Visible
    cause: str
    chosen: int | None = None
    overruled: tuple[date, ...] = ()

    def __str__(self) -> str:
        made_by = f"{self.now.recipe_key} version {self.now.model_version}"
        now = f"publication {self.now.publication_id} of week {self.now.as_of} ({made_by})"
        if self.before == self.now.publication_id:
            return f"{now} is live already: nothing was changed"
        text = (
            f"{self.cause} from publication {self.before} to {now}, which is live now; its recipe "
            "is champion"
        )
        if self.overruled:
            weeks = ", ".join(map(str, self.overruled))
            text += (
                f". Week {weeks} was decided before that, and will not go live unless it is "
                "decided anew (force)"
            )
        if self.chosen is not None:
            movies = ", ".join(map(str, self.now.left_out))
            text += f". It is {self.chosen} without the movies that were withdrawn: {movies}"
        return text


def go_live(conn: Connection, flip: Mapping[str, Any]) -> int:
    """Make a publication live, or its copy without the movies that were withdrawn since, and record
    it; return which is live.

    In a transaction that holds the flips' lock. What a week publishes again leaves a copy of it
    live.
    """
    live = conn.execute(queries("live")["now"]).fetchone()
    stays = (
        live
        and live.has_rows
        and flip["cause"] == "published"
        and live.origin_id == flip["publication_id"]
    )
    chosen = live.publication_id if live and stays else flip["publication_id"]
    flip = {**flip, "publication_id": without_withdrawn(conn, chosen, flip["run_id"])}
    conn.execute(queries("live")["retire_live"], flip)
    if conn.execute(queries("live")["go_live"], flip).rowcount:
        seq = one_row(conn, queries("live")["record_flip"], flip).seq
        conn.execute(sql.SQL(queries("live")["tell_plans"]).format(seq=sql.Literal(seq)))
    return flip["publication_id"]


def publications_to_show(conn: Connection) -> list[Visible]:
    """Every publication that can go live, the newest first."""
    return (
        conn.cursor(row_factory=class_row(Visible))
        .execute(queries("live")["candidates"])
        .fetchall()
    )


def roll_back(
    conn: Connection, publication_id: int | None, *, reason: str, requested_by: str, run_id: str
) -> Flip:
    """Put another publication before readers, and its recipe in the champion's place, in one
    transaction.

    Without an id: the newest that was live before the present one and was not rolled back from, so
    that a second rollback goes further back. The same again changes nothing, nor does the same run.
    Raises PublicationError where there is no such publication, or its rows are gone, and
    RequestError without a reason.
    """
    reason = check_reason(reason)
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        choice = {visible.publication_id: visible for visible in publications_to_show(conn)}
        flipped = (
            conn.execute(queries("live")["flipped_by"], {"run_id": run_id}).fetchone()
            if run_id
            else None
        )
        if flipped and flipped.publication_id in choice:
            return Flip(flipped.publication_id, choice[flipped.publication_id], flipped.cause)
        live = conn.execute(queries("live")["now"]).fetchone()
        chosen = _chosen(conn, publication_id, choice)
        served = without_withdrawn(conn, chosen.publication_id, run_id)
        choice = {visible.publication_id: visible for visible in publications_to_show(conn)}
        if live and live.publication_id == served:
            return Flip(served, choice[served], "published")
        forward = live is not None and (chosen.as_of, chosen.publication_id) > (
            live.as_of,
            live.publication_id,
        )
        cause = "rolled forward" if forward else "rolled back"
        act = {"reason": reason, "requested_by": requested_by, "run_id": run_id}
        go_live(conn, {"publication_id": served, "cause": cause, **act})
        sentence = (
            f"{cause.capitalize()} to publication {chosen.publication_id} of week {chosen.as_of}: "
            f"{reason}"
        )
        overruled = conn.execute(queries("live")["overrule"]).fetchall()
        champion = {
            "decision": cause,
            "reasons": [sentence],
            "run_id": run_id,
            "approved_by": requested_by,
        }
        conn.execute(
            queries("live")["champion_follows"],
            {"publication_id": chosen.publication_id, **champion},
        )
    return Flip(
        before=live.publication_id if live else None,
        now=choice[served],
        cause=cause,
        chosen=chosen.publication_id if served != chosen.publication_id else None,
        overruled=tuple(sorted({row.as_of for row in overruled})),
    )


def _chosen(conn: Connection, publication_id: int | None, choice: Mapping[int, Visible]) -> Visible:
    there = (", ").join(
        f"{visible.publication_id} (week {visible.as_of})" for visible in choice.values()
    ) or "none"
    if publication_id is None:
        publication_id = in_place(next(iter(reigns_before(conn)), None), choice)
    if publication_id is None:
        raise PublicationError(
            "no publication was live before the present one that was not rolled back from: nothing "
            "to roll back to; choose one "
            f"of those with their rows in place: {there}"
        )
    if publication_id not in choice:
        refuse_retired(conn, publication_id)
        raise PublicationError(
            f"no publication {publication_id} with its rows in place: found {there}"
        )
    return choice[publication_id]


def in_place(origin_id: int | None, choice: Mapping[int, Visible]) -> int | None:
    """Return a publication or, where its rows went and a copy's did not, its newest copy."""
    if origin_id in choice:
        return origin_id
    copies = [
        visible.publication_id for visible in choice.values() if visible.origin_id == origin_id
    ]
    return max(copies, default=origin_id)


def reigns_before(conn: Connection) -> list[int]:
    """Return what readers had before what they have now, the newest first: not rolled back from,
    and of no retired week.
    """
    live = conn.execute(queries("live")["now"]).fetchone()
    flips = conn.execute(queries("live")["flips"]).fetchall()
    newest_first = standing_reigns((row.publication_id, row.cause) for row in flips)[::-1]
    before = [
        publication_id
        for publication_id in newest_first
        if live is None or publication_id != live.origin_id
    ]
    return [
        publication_id for publication_id in before if _retirement_of(conn, publication_id) is None
    ]


def _retirement_of(conn: Connection, publication_id: int) -> Any:
    week = conn.execute(queries("live")["week_of"], {"publication_id": publication_id}).fetchone()
    return (
        conn.execute(queries("live")["retirement"], {"as_of": week.as_of}).fetchone()
        if week
        else None
    )


def refuse_retired(conn: Connection, publication_id: int) -> None:
    """Raise LedgerError for a publication of a retired week."""
    retired = _retirement_of(conn, publication_id)
    if retired:
        raise PublicationError(
            f"publication {publication_id} is of week {retired.as_of}, which "
            f"{retired.requested_by} retired: {retired.reason}; "
            f"expected one of another week, or first: python -m recsys retire {retired.as_of} "
            "--undo --reason …"
        )
