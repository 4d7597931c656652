"""What readers see, and its history: flips by the pipeline and by hand, each one transaction of a
handful of rows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from psycopg import sql

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_value, fetch_values, find_row, find_value
from recsys.errors import PublicationError
from recsys.limits import check_reason
from recsys.promotion.copies import without_withdrawn
from recsys.promotion.reigns import standing_reigns


@dataclass(frozen=True)
class LivePublication:
    """What is live now; `origin_id` is what it was copied from, or itself."""

    publication_id: int
    as_of: date
    origin_id: int
    has_rows: bool


@dataclass(frozen=True)
class PastFlip:
    """A publication that went live, and why."""

    publication_id: int
    cause: str


@dataclass(frozen=True)
class RetiredWeek:
    """A week that is retired, with its own publication that was live until then."""

    as_of: date
    reason: str
    requested_by: str
    run_id: str | None
    retired_at: datetime
    publication_id: int | None


@dataclass(frozen=True)
class Act:
    """What a person does: why, who wants it, and in which run."""

    reason: str
    requested_by: str
    run_id: str

    @property
    def params(self) -> dict[str, Any]:
        """Return it by the names of the columns."""
        return asdict(self)


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
    def made_by(self) -> str:
        """Return the recipe and its version."""
        return f"{self.recipe_key} version {self.model_version}"

    @property
    def summary(self) -> str:
        """Return one line that tells it from the others."""
        return (
            f"{self.publication_id}: week {self.as_of}, {self.made_by}, {self.size}{self._copy}"
            f", {self.reign}"
        )

    @property
    def size(self) -> str:
        """Return how much it has, and its experiment if there is one."""
        length = f"top {self.top_n}, " if self.top_n else ""
        arms = f", in the experiment {self.experiment}" if self.experiment else ""
        return f"{length}{self.n_rows:,} rows for {self.n_users:,} users{arms}"

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

    def direction_from(self, live: LivePublication | None) -> str:
        """Return which way a person goes from what is live to this one."""
        own = (self.as_of, self.publication_id)
        is_newer = live is not None and own > (live.as_of, live.publication_id)
        return "rolled forward" if is_newer else "rolled back"


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
        now = f"publication {self.now.publication_id} of week {self.now.as_of} ({self.now.made_by})"
        if self.before == self.now.publication_id:
            return f"{now} is live already: nothing was changed"
        return (
            f"{self.cause} from publication {self.before} to {now}, which is live now; its recipe "
            f"is champion{self.overruled_weeks}{self.copied_from}"
        )

    @property
    def overruled_weeks(self) -> str:
        """Return which decided weeks will not go live, if there are any."""
        if not self.overruled:
            return ""
        weeks = ", ".join(map(str, self.overruled))
        return (
            f". Week {weeks} was decided before that, and will not go live unless it is "
            "decided anew (force)"
        )

    @property
    def copied_from(self) -> str:
        """Return what it was copied from, if it is a copy made for this."""
        if self.chosen is None:
            return ""
        movies = ", ".join(map(str, self.now.left_out))
        return f". It is {self.chosen} without the movies that were withdrawn: {movies}"


def find_live(conn: Connection) -> LivePublication | None:
    """Return what is live now."""
    return find_row(conn, LivePublication, queries("live")["now"])


def go_live(conn: Connection, flip: Mapping[str, Any]) -> int:
    """Make a publication live, or its copy without the movies that were withdrawn since, and record
    it; return which is live.

    In a transaction that holds the flips' lock. What a week publishes again leaves a copy of it
    live.
    """
    live = find_live(conn)
    chosen = (
        live.publication_id if live and is_published_again(live, flip) else flip["publication_id"]
    )
    flip = {**flip, "publication_id": without_withdrawn(conn, chosen, flip["run_id"])}
    conn.execute(queries("live")["retire_live"], flip)
    if conn.execute(queries("live")["go_live"], flip).rowcount:
        record_flip(conn, flip)
    return flip["publication_id"]


def is_published_again(live: LivePublication, flip: Mapping[str, Any]) -> bool:
    """Return whether what is live is, or was copied from, what a week publishes again."""
    is_same = live.origin_id == flip["publication_id"]
    return live.has_rows and flip["cause"] == "published" and is_same


def record_flip(conn: Connection, flip: Mapping[str, Any]) -> None:
    """Enter a flip in the history, and let prepared plans see it."""
    seq = fetch_value(conn, int, queries("live")["record_flip"], flip)
    conn.execute(sql.SQL(queries("live")["tell_plans"]).format(seq=sql.Literal(seq)))


def publications_to_show(conn: Connection) -> list[Visible]:
    """Return every publication that can go live, the newest first."""
    return fetch_rows(conn, Visible, queries("live")["candidates"])


def publications_by_id(conn: Connection) -> dict[int, Visible]:
    """Return every publication that can go live, the newest first, by its id."""
    return {visible.publication_id: visible for visible in publications_to_show(conn)}


def roll_back(
    conn: Connection, publication_id: int | None, *, reason: str, requested_by: str, run_id: str
) -> Flip:
    """Make another publication live, and its recipe champion, in one transaction.

    Without an id: the newest that was live before the present one and was not rolled back from, so
    that a second rollback goes further back. The same again changes nothing, nor does the same run.
    Raises PublicationError where there is no such publication, or its rows are gone, and
    RequestError without a reason.
    """
    act = Act(check_reason(reason), requested_by, run_id)
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        choice = publications_by_id(conn)
        return flip_of_run(conn, run_id, choice) or flip_by_hand(conn, publication_id, choice, act)


def flip_of_run(conn: Connection, run_id: str, choice: Mapping[int, Visible]) -> Flip | None:
    """Return what the run has made live already: a retry does nothing more."""
    if not run_id:
        return None
    flipped = find_row(conn, PastFlip, queries("live")["flipped_by"], {"run_id": run_id})
    if flipped is None or flipped.publication_id not in choice:
        return None
    return Flip(flipped.publication_id, choice[flipped.publication_id], flipped.cause)


def flip_by_hand(
    conn: Connection, publication_id: int | None, choice: Mapping[int, Visible], act: Act
) -> Flip:
    """Make the chosen publication live, or its copy without what was withdrawn since."""
    live = find_live(conn)
    chosen = choose(conn, publication_id, choice)
    served = without_withdrawn(conn, chosen.publication_id, act.run_id)
    now = publications_by_id(conn)[served]
    before = live.publication_id if live else None
    if before == served:
        return Flip(served, now, "published")
    cause = chosen.direction_from(live)
    overruled = flip_and_overrule(conn, chosen, now, cause, act)
    copied = chosen.publication_id if served != chosen.publication_id else None
    return Flip(before, now, cause, copied, overruled)


def flip_and_overrule(
    conn: Connection, chosen: Visible, now: Visible, cause: str, act: Act
) -> tuple[date, ...]:
    """Make a publication live, with the chosen one's champion; return which weeks it overrules."""
    go_live(conn, act.params | {"publication_id": now.publication_id, "cause": cause})
    week = f"publication {chosen.publication_id} of week {chosen.as_of}"
    overruled = fetch_values(conn, date, queries("live")["overrule"])
    sentence = f"{cause.capitalize()} to {week}: {act.reason}"
    enter_champion(conn, chosen.publication_id, cause, sentence, act)
    return tuple(sorted(set(overruled)))


def enter_champion(
    conn: Connection, publication_id: int, decision: str, sentence: str, act: Act
) -> None:
    """Make the recipe and version of a publication champion."""
    champion = {
        "publication_id": publication_id,
        "decision": decision,
        "reasons": [sentence],
        "run_id": act.run_id,
        "approved_by": act.requested_by,
    }
    conn.execute(queries("live")["champion_follows"], champion)


def choose(conn: Connection, publication_id: int | None, choice: Mapping[int, Visible]) -> Visible:
    """Return the publication of that id, or the one before. Raises PublicationError without it."""
    if publication_id is None:
        publication_id = newest_in_place(next(iter(reigns_before(conn)), None), choice)
    if publication_id is None:
        raise PublicationError(
            "no publication was live before the present one that was not rolled back from: nothing "
            "to roll back to; choose one "
            f"of those with their rows in place: {listed(choice)}"
        )
    if publication_id not in choice:
        refuse_of_retired_week(conn, publication_id)
        raise PublicationError(
            f"no publication {publication_id} with its rows in place: found {listed(choice)}"
        )
    return choice[publication_id]


def listed(choice: Mapping[int, Visible]) -> str:
    """Return the publications that can be chosen, for a message."""
    names = [f"{each.publication_id} (week {each.as_of})" for each in choice.values()]
    return ", ".join(names) or "none"


def newest_in_place(origin_id: int | None, choice: Mapping[int, Visible]) -> int | None:
    """Return a publication or, where its rows went and a copy's did not, its newest copy."""
    if origin_id in choice:
        return origin_id
    copies = [each.publication_id for each in choice.values() if each.origin_id == origin_id]
    return max(copies, default=origin_id)


def reigns_before(conn: Connection) -> list[int]:
    """Return what readers had before what they have now, the newest first: not rolled back from,
    and of no retired week.
    """
    live = find_live(conn)
    flips = fetch_rows(conn, PastFlip, queries("live")["flips"])
    reigns = standing_reigns((flip.publication_id, flip.cause) for flip in flips)
    live_id = live.origin_id if live else None
    before = [publication_id for publication_id in reversed(reigns) if publication_id != live_id]
    return [each for each in before if retirement_over(conn, each) is None]


def find_retirement(conn: Connection, as_of: date) -> RetiredWeek | None:
    """Return who retired a week, when and why, where it is retired."""
    return find_row(conn, RetiredWeek, queries("live")["retirement"], {"as_of": as_of})


def retirement_over(conn: Connection, publication_id: int) -> RetiredWeek | None:
    """Return the retirement of a publication's week, where it is retired."""
    params = {"publication_id": publication_id}
    as_of = find_value(conn, date, queries("live")["week_of"], params)
    return find_retirement(conn, as_of) if as_of else None


def refuse_of_retired_week(conn: Connection, publication_id: int) -> None:
    """Raise PublicationError for a publication of a week that is retired."""
    retired = retirement_over(conn, publication_id)
    if retired:
        raise PublicationError(
            f"publication {publication_id} is of week {retired.as_of}, which "
            f"{retired.requested_by} retired: {retired.reason}; "
            f"expected one of another week, or first: python -m recsys retire {retired.as_of} "
            "--undo --reason …"
        )
