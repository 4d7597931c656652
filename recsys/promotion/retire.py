"""A week taken out by hand: from then on it counts for nothing, and readers have what they would
have without it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.errors import RequestError
from recsys.limits import check_reason
from recsys.promotion.ledger import newest_champion
from recsys.promotion.live import Visible, go_live, publications_to_show, reigns_before


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


def refuse_retired(conn: Connection, as_of: date) -> None:
    """Raise RequestError for a week that is retired."""
    row = conn.execute(queries("live")["retirement"], {"as_of": as_of}).fetchone()
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
    act = {
        "as_of": as_of,
        "reason": check_reason(reason),
        "requested_by": requested_by,
        "run_id": run_id,
    }
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        check_resolved(conn, as_of)
        earlier = conn.execute(queries("live")["retirement"], {"as_of": as_of}).fetchone()
        if earlier:
            when = f"{earlier.requested_by} on {earlier.retired_at:%Y-%m-%d}: {earlier.reason}"
            return Retirement(
                as_of, False, note=f"It was retired before, by {when}. Nothing was changed"
            )
        live = conn.execute(queries("live")["now"]).fetchone()
        conn.execute(queries("live")["retire"], act)
        if live is None or live.as_of != as_of:
            _follow_live(conn, act)
            return Retirement(as_of, False, note="Readers see another week's lists, and keep them")
        successor = _successor(conn)
        if successor is None:
            note = (
                "No other publication has its rows in place, so its lists stay until another week "
                "is run"
            )
            return Retirement(as_of, False, note=note)
        _make_live(conn, successor, act, f"week {as_of} was retired: {act['reason']}")
    return Retirement(as_of, False, live.publication_id, successor)


def undo_retirement(
    conn: Connection, as_of: date, *, reason: str, requested_by: str, run_id: str
) -> Retirement:
    """Let a retired week count again; what readers had of it is live again, unless a newer week is.
    In one transaction.
    """
    act = {
        "as_of": as_of,
        "reason": check_reason(reason),
        "requested_by": requested_by,
        "run_id": run_id,
    }
    with conn.transaction():
        conn.execute(queries("live")["hold"])
        retirement = conn.execute(queries("live")["retirement"], {"as_of": as_of}).fetchone()
        if retirement is None:
            raise RequestError(f"week {as_of} is not retired: nothing to undo")
        conn.execute(queries("live")["unretire"], act)
        live = conn.execute(queries("live")["now"]).fetchone()
        choice = {visible.publication_id: visible for visible in publications_to_show(conn)}
        again = choice.get(retirement.publication_id)
        if again is None or (live and live.as_of > as_of) or again.is_live:
            return Retirement(as_of, True, note="What readers see was not changed")
        _make_live(conn, again, act, f"the retirement of week {as_of} was undone: {act['reason']}")
    return Retirement(as_of, True, live.publication_id if live else None, again)


def check_resolved(conn: Connection, as_of: date) -> None:
    """Raise LedgerError for a week that was never resolved."""
    if conn.execute(queries("drops")["week"], {"as_of": as_of}).fetchone():
        return
    newest = [str(row.as_of) for row in conn.execute(queries("drops")["newest_weeks"]).fetchall()]
    raise RequestError(f"no week {as_of} in the ledger: found {', '.join(newest) or 'none'}")


def _successor(conn: Connection) -> Visible | None:
    """Return what readers would have without the retired weeks, if its rows are in place."""
    choice = {visible.publication_id: visible for visible in publications_to_show(conn)}
    kept_back = conn.execute(queries("live")["kept_back"]).fetchone()
    newest_first = [*([kept_back.publication_id] if kept_back else []), *reigns_before(conn)]
    return next(
        (choice[publication_id] for publication_id in newest_first if publication_id in choice),
        None,
    )


def _make_live(conn: Connection, chosen: Visible, act: dict[str, Any], reason: str) -> None:
    """Flip. What readers never had is published by it; what they had is brought back."""
    live = conn.execute(queries("live")["now"]).fetchone()
    newer = live is not None and (chosen.as_of, chosen.publication_id) > (
        live.as_of,
        live.publication_id,
    )
    cause = (
        "published"
        if chosen.first_live_at is None
        else "rolled forward"
        if newer
        else "rolled back"
    )
    go_live(conn, act | {"publication_id": chosen.publication_id, "cause": cause, "reason": reason})
    _follow_live(conn, act | {"reason": reason}, "rolled forward" if newer else "rolled back")


def _follow_live(conn: Connection, act: dict[str, Any], decision: str = "rolled back") -> None:
    """The champion is that of what readers see; a row says so where the decisions that count do
    not.
    """
    live = conn.execute(queries("live")["live_model"]).fetchone()
    champion = newest_champion(conn)
    if live is None or (
        champion
        and (champion.recipe.key, champion.model.version) == (live.recipe_key, live.model_version)
    ):
        return
    sentence = f"Publication {live.publication_id} of week {live.as_of} is live: {act['reason']}"
    row = {
        "decision": decision,
        "reasons": [sentence],
        "run_id": act["run_id"],
        "approved_by": act["requested_by"],
    }
    conn.execute(queries("live")["champion_follows"], row | {"publication_id": live.publication_id})
