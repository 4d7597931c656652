"""A week taken out by hand: from then on it counts for nothing, and readers have what they would
have without it.
"""

from dataclasses import dataclass, replace
from datetime import date

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_values, find_row, find_value
from recsys.errors import RequestError
from recsys.limits import check_reason
from recsys.promotion.ledger import Champion, newest_champion
from recsys.promotion.live import (
    Act,
    RetiredWeek,
    Visible,
    enter_champion,
    find_live,
    find_retirement,
    go_live,
    publications_by_id,
    reigns_before,
)

KEPT_LISTS = "Readers see another week's lists, and keep them"
NO_SUCCESSOR = (
    "No other publication has its rows in place, so its lists stay until another week is run"
)
UNCHANGED = "What readers see was not changed"


@dataclass(frozen=True)
class Retirement:
    """What came of it. `now` is what went live in the place of `before`; None where
    that was not of the week.
    """

    as_of: date
    is_undone: bool
    before: int | None = None
    now: Visible | None = None
    note: str = ""

    def __str__(self) -> str:
        fact = "counts again" if self.is_undone else "is retired: it counts for nothing from now on"
        text = f"Week {self.as_of} {fact}"
        if self.now is not None:
            text += (
                f". Publication {self.now.publication_id} of week {self.now.as_of} is live in "
                f"place of {self.before}"
            )
        return f"{text}. {self.note}" if self.note else text


@dataclass(frozen=True)
class LiveModel:
    """Whose lists readers see."""

    publication_id: int
    as_of: date
    recipe_key: str
    model_version: str

    def is_of(self, champion: Champion) -> bool:
        """Return whether the champion made them."""
        model = (champion.recipe.key, champion.model.version)
        return model == (self.recipe_key, self.model_version)


def refuse_retired(conn: Connection, as_of: date) -> None:
    """Raise RequestError for a week that is retired."""
    row = find_retirement(conn, as_of)
    if row:
        raise RequestError(
            f"week {as_of} was retired by {row.requested_by} on {row.retired_at:%Y-%m-%d}: "
            f"{row.reason}; expected another week, "
            f"or first: python -m recsys retire {as_of} --undo --reason …"
        )


def retire_week(
    conn: Connection, as_of: date, *, reason: str, requested_by: str, run_id: str
) -> Retirement:
    """Take a week out, and make live what readers would have without it, with its champion,
    in one transaction.

    That is the newest publication that the week kept from going live, or else what readers had
    before. Where there is none, they keep what they have. The same again changes nothing. Raises
    RequestError for a week that the ledger does not have.
    """
    act = Act(check_reason(reason), requested_by, run_id)
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        require_week(conn, as_of)
        earlier = find_retirement(conn, as_of)
        return retired_before(earlier) if earlier else take_out(conn, as_of, act)


def require_week(conn: Connection, as_of: date) -> None:
    """Raise RequestError for a week that the ledger does not have."""
    if find_value(conn, date, queries("drops")["week"], {"as_of": as_of}):
        return
    newest = fetch_values(conn, date, queries("drops")["newest_weeks"])
    weeks = ", ".join(map(str, newest)) or "none"
    raise RequestError(f"no week {as_of} in the ledger: found {weeks}")


def retired_before(earlier: RetiredWeek) -> Retirement:
    """Return what retiring a week again comes to."""
    when = f"{earlier.requested_by} on {earlier.retired_at:%Y-%m-%d}: {earlier.reason}"
    note = f"It was retired before, by {when}. Nothing was changed"
    return Retirement(earlier.as_of, False, note=note)


def take_out(conn: Connection, as_of: date, act: Act) -> Retirement:
    """Retire a week, and make live what comes in its place where its lists were live."""
    live = find_live(conn)
    conn.execute(queries("live")["retire"], act.params | {"as_of": as_of})
    if live is None or live.as_of != as_of:
        follow_live(conn, act)
        return Retirement(as_of, False, note=KEPT_LISTS)
    successor = find_successor(conn)
    if successor is None:
        return Retirement(as_of, False, note=NO_SUCCESSOR)
    make_live(conn, successor, replace(act, reason=f"week {as_of} was retired: {act.reason}"))
    return Retirement(as_of, False, live.publication_id, successor)


def undo_retirement(
    conn: Connection, as_of: date, *, reason: str, requested_by: str, run_id: str
) -> Retirement:
    """Let a retired week count again; what readers had of it is live again, unless a newer week is.
    In one transaction.
    """
    act = Act(check_reason(reason), requested_by, run_id)
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        retirement = find_retirement(conn, as_of)
        if retirement is None:
            raise RequestError(f"week {as_of} is not retired: nothing to undo")
        return put_back(conn, retirement, act)


def put_back(conn: Connection, retirement: RetiredWeek, act: Act) -> Retirement:
    """End a week's retirement, and make its lists live again unless a newer week's are."""
    as_of = retirement.as_of
    conn.execute(queries("live")["unretire"], act.params | {"as_of": as_of})
    live = find_live(conn)
    again = find_visible(conn, retirement.publication_id)
    if again is None or again.is_live or (live and live.as_of > as_of):
        return Retirement(as_of, True, note=UNCHANGED)
    reason = f"the retirement of week {as_of} was undone: {act.reason}"
    make_live(conn, again, replace(act, reason=reason))
    return Retirement(as_of, True, live.publication_id if live else None, again)


def find_visible(conn: Connection, publication_id: int | None) -> Visible | None:
    """Return a publication where it can go live."""
    choice = publications_by_id(conn)
    return None if publication_id is None else choice.get(publication_id)


def find_successor(conn: Connection) -> Visible | None:
    """Return what readers would have without the retired weeks, if its rows are in place."""
    choice = publications_by_id(conn)
    kept_back = find_value(conn, int, queries("live")["kept_back"])
    newest_first = [kept_back, *reigns_before(conn)]
    return next((choice[each] for each in newest_first if each in choice), None)


def make_live(conn: Connection, chosen: Visible, act: Act) -> None:
    """Flip. What readers never had is published by it; what they had is brought back."""
    decision = chosen.direction_from(find_live(conn))
    cause = "published" if chosen.first_live_at is None else decision
    go_live(conn, act.params | {"publication_id": chosen.publication_id, "cause": cause})
    follow_live(conn, act, decision)


def follow_live(conn: Connection, act: Act, decision: str = "rolled back") -> None:
    """Make the model of what readers see champion, where the decisions that count do not."""
    live = find_row(conn, LiveModel, queries("live")["live_model"])
    champion = newest_champion(conn)
    if live is None or (champion and live.is_of(champion)):
        return
    sentence = f"Publication {live.publication_id} of week {live.as_of} is live: {act.reason}"
    enter_champion(conn, live.publication_id, decision, sentence, act)
