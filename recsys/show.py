"""Tables for a terminal: an exam with its verdict, a user with what they liked and are
recommended.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from recsys import report
from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import NothingToRecommend
from recsys.promotion.ledger import champion_of
from recsys.terminal import head, say, table


def users_to_show(conn: Connection, n: int) -> list[int]:
    """A few users of the live publication, from short histories to long ones."""
    return [row.user_id for row in conn.execute(queries("report")["users_to_show"], {"n": n})]


def show_user(conn: Connection, console: Console, user_id: int, n: int) -> int:
    """Show what a user liked, and their list; return how long it is. Raises NothingToRecommend
    where nothing live is theirs.
    """
    listed = conn.execute(
        queries("report")["recommendations"], {"user_id": user_id, "n": n}
    ).fetchall()
    if not listed:
        raise NothingToRecommend(
            f"user {user_id} has no row in the live publication: expected a "
            "user whom its week knows"
        )
    liked = conn.execute(queries("report")["history"], {"user_id": user_id, "n": n}).fetchall()
    first = listed[0]
    head(console, f"User {user_id}", f", publication {first.publication_id} of week {first.as_of}")
    rated = [(f"{row.rating:g}", row.title, _genres(row), row.rated_on) for row in liked]
    console.print(
        table(("stars", "title", "genres", "on"), rated, title="liked best", whole=("stars", "on"))
    )
    rows = [(row.rank, row.title, _genres(row), f"{row.score:.4f}", _maker(row)) for row in listed]
    console.print(
        table(
            ("", "title", "genres", "score", "made by"),
            rows,
            title="recommended",
            whole=("", "score"),
        )
    )
    return len(listed)


def show_exam(conn: Connection, console: Console, as_of: date | None) -> None:
    """The exam's table and the verdict of a week, the newest decided one by default."""
    week = as_of or one_row(conn, queries("report")["newest_decided_week"]).as_of
    champion = champion_of(conn, week) if week else None
    if week is None or champion is None:
        raise NothingToRecommend(
            f"week {week or 'of any date'} is not decided: expected a run "
            "that reached promote_champion"
        )
    page = report.exam(conn, week)
    head(console, f"The exam of week {week}")
    say(console, page.sentence)
    for columns in _fitting(page.header, page.lines, console.width):
        console.print(columns)
    say(console, report.verdict(champion))


def _fitting(header: Sequence[str], lines: Sequence[Sequence[str]], width: int) -> Iterator[Table]:
    """Yield as many tables as a terminal's width needs: each has the names of the figures, and some
    of the recipes.
    """
    heads = [name.replace(" (", "\n(").replace("-", "-\n") for name in header]
    label = max((len(line[0]) for line in lines), default=0)
    wide = max((len(part) for name in heads[1:] for part in name.split("\n")), default=0)
    n_fit = max(1, (width - label - 4) // (wide + 3))
    for start in range(1, len(header), n_fit):
        places = [0, *range(start, min(start + n_fit, len(header)))]
        rows = [[line[place] for place in places] for line in lines]
        columns = [heads[place] for place in places]
        yield table(columns, rows, whole=columns[1:])


def _genres(row: Any) -> str:
    return ", ".join(row.genres)


def _maker(row: Any) -> str:
    return f"{row.recipe_key} v{row.model_version}" if row.source == "model" else "fallback"
