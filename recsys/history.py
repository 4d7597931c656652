"""Looking back, for a terminal: what was published and rolled back, and where a user's list came
from.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import NothingToRecommend
from recsys.promotion.approval import Approval
from recsys.terminal import head, plain, say, table

_EVENTS = ("week", "id", "live (UTC)", "what")
_LIST = ("", "title", "genres", "score", "source")
_DROPS = ("source", "drop", "revision", "rows", "new", "sha256")
#: Columns that a narrow terminal does not break.
_WHOLE = {"week", "id", "live (UTC)", "source", "drop", "score"}


def show_history(conn: Connection, console: Console, weeks: int) -> None:
    """What was published for the newest weeks, and what was put before readers by hand: a line
    each, the newest first.
    """
    events = conn.execute(queries("history")["events"], {"weeks": weeks}).fetchall()
    if not events:
        raise NothingToRecommend(
            "nothing was ever published: expected a run that reached publish_recommendations"
        )
    console.print(table(_EVENTS, [_event(event) for event in events], whole=_WHOLE))


def show_lineage(
    conn: Connection,
    console: Console,
    user_id: int,
    *,
    on: date | None = None,
    as_of: date | None = None,
) -> None:
    """A user's list as readers saw it, and where it came from: model, data, code, decision,
    approval.

    `on`: what readers saw when that day ended in UTC; `as_of`: what they saw while that week was
    the newest that had ever been live, whenever that was; neither: what they see now. Raises
    NothingToRecommend where that was nothing.
    """
    flip = _in_force(conn, on, as_of)
    made = one_row(conn, queries("history")["lineage"], {"publication_id": flip.publication_id})
    listed = conn.execute(
        queries("history")["list"], {"publication_id": flip.publication_id, "user_id": user_id}
    ).fetchall()
    if not listed and made.dropped_at is None:
        raise NothingToRecommend(
            f"user {user_id} has no row in publication {made.publication_id} of week {made.as_of}"
        )
    head(console, f"User {user_id}", f", publication {made.publication_id} of week {made.as_of}")
    if listed:
        rows = [
            (str(row.rank), row.title, ", ".join(row.genres), f"{row.score:.4f}", row.source)
            for row in listed
        ]
        console.print(table(_LIST, rows, whole=_WHOLE))
    else:
        say(
            console,
            f"Its rows went by retention at {_moment(made.dropped_at)}; running week {made.as_of} "
            "again makes them again.",
        )
    console.print(_facts(_origin(conn, made, flip, listed)))
    say(console, f"drops taken in by then, up to watermark {made.watermark}", style="bold")
    console.print(table(_DROPS, [_drop(drop) for drop in made.drops or ()], whole=_WHOLE))


def _in_force(conn: Connection, on: date | None, as_of: date | None) -> Any:
    before = datetime.combine(on + timedelta(1), time(), UTC) if on else None
    flip = conn.execute(
        queries("history")["in_force"], {"before": before, "as_of": as_of}
    ).fetchone()
    if flip is None:
        when = f"at the end of {on}" if on else f"in week {as_of}" if as_of else "yet"
        raise NothingToRecommend(
            f"nothing was live {when}: python -m recsys history shows what was live when"
        )
    return flip


def _event(event: Any) -> tuple[object, ...]:
    """What was published, or done by hand; below it who agreed, which run did it, and with which
    code.
    """
    made_by = f"{event.recipe_key} v{event.model_version}"
    if event.cause != "published":
        lines = [
            f"{event.cause}: {event.reason}",
            made_by,
            f"by {event.requested_by or 'nobody named'}, {event.run_id}",
        ]
        return (event.as_of, event.publication_id, _moment(event.happened_at), "\n".join(lines))
    live = "shadow" if event.is_shadow else _periods(event.live, between=" –\n")
    people = f"{event.observed_users:,} users" if event.observed_users else "nobody yet"
    lines = [
        f"{made_by}, {_decision(event)}",
        f"NDCG@10: exam {_figure(event.exam_ndcg)}, observed {_figure(event.observed_ndcg)} "
        f"({people})",
        *([_approval(event)] if event.approval else []),
        f"{event.run_id}, code {_commit(event.git_sha) or 'not on record'}",
    ]
    return (event.as_of, event.publication_id, live, "\n".join(lines))


def _origin(conn: Connection, made: Any, flip: Any, listed: Sequence[Any]) -> list[tuple[str, str]]:
    """Where a list comes from, a line a question."""
    maker = made
    if listed and listed[0].arm == "challenger":
        maker = one_row(conn, queries("history")["lineage"], {"publication_id": made.challenger_id})
    lines = [
        (
            "model",
            f"{maker.recipe_key}, version {maker.model_version}; settings "
            f"{_settings(maker.recipe)}",
        )
    ]
    if maker is not made:
        lines.append(
            (
                "experiment",
                f"{made.experiment}: the user is in the challenger's share, its "
                f"publication {maker.publication_id}",
            )
        )
    elif made.experiment:
        lines.append(("experiment", f"{made.experiment}: the user is in the champion's share"))
    fitted = (
        f"{made.n_ratings:,} ratings; fingerprint {made.fingerprint}"
        if made.fingerprint
        else "not on record"
    )
    lines += [
        ("fitted on", fitted),
        (
            "published",
            f"{made.n_rows:,} rows for {made.n_users:,} users, {made.n_fallback:,} from the "
            f"fallback; sha256 {made.rows_sha256}",
        ),
        ("code", f"{made.git_sha or 'not on record'}{_decided_by_other_code(made)}"),
        ("run", _run(made)),
        (
            "why champion",
            f"decision {made.promotion_id}, {_decision(made)}: {' '.join(made.reasons or ())}",
        ),
        ("gates", f"{made.gates_passed or 0} answers passed, {made.gates_refused or 0} refused"),
        ("approval", _approval(made)),
        ("live", _periods(made.live)),
    ]
    if made.copy_of is not None:
        movies = ", ".join(map(str, made.left_out))
        lines.append(
            (
                "copy",
                "of publication "
                f"{made.copy_of}" + (f", without withdrawn movies {movies}" if movies else ""),
            )
        )
    if made.n_erased:
        lines.append(
            (
                "erased",
                f"{made.n_erased:,} of its rows since, with their users; sha256 of what is "
                f"left {made.sha256_left}",
            )
        )
    if flip.cause != "published":
        lines.append(
            (flip.cause, f"{_moment(flip.went_live_at)} by {flip.requested_by}: {flip.reason}")
        )
    return lines


def _run(made: Any) -> str:
    """Return which run made it, and what the ledger knows of the run."""
    lines = [f"{made.run_id or 'not on record'}, published {_moment(made.published_at)}"]
    if made.run_kind:
        by = f" by {made.started_by}" if made.started_by else ""
        lines.append(f"a {made.run_kind} run, first started {_moment(made.started_at)}{by}")
    return "; ".join(lines)


def _drop(drop: Any) -> tuple[str, ...]:
    return (
        drop["source"],
        drop["drop_date"],
        str(drop["revision"]),
        f"{drop['rows']:,}",
        f"{drop['new']:,}",
        drop["sha256"],
    )


def _decision(row: Any) -> str:
    return f"{row.decision or 'none of its own'}{' (forced)' if row.forced else ''}"


def _approval(row: Any) -> str:
    return Approval(row.approval, row.approved_by).told if row.approval else "nobody was asked"


def _decided_by_other_code(made: Any) -> str:
    other = made.decided_git_sha if made.decided_git_sha != made.git_sha else None
    return f"; decided by {other}" if other else ""


def _settings(recipe: Any) -> str:
    return json.dumps(recipe["settings"], sort_keys=True) if recipe else "not on record"


def _commit(git_sha: str | None) -> str:
    """The beginning of a commit; a + says that files were changed since."""
    return f"{git_sha[:10]}{'+' if git_sha.endswith('+') else ''}" if git_sha else ""


def _periods(live: Any, between: str = " – ") -> str:
    return ("\n").join(
        f"{_moment(period.lower)}{between}{_moment(period.upper)}" for period in live or ()
    ) or "never"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "now"


def _figure(value: float | None) -> str:
    return f"{value:.4f}" if value is not None else "–"


def _facts(lines: Iterable[tuple[str, str]]) -> Table:
    """Names and what is to be said of each, side by side."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in lines:
        grid.add_row(name, plain(text))
    return grid
