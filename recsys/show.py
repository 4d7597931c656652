"""Tables for a terminal: an exam with its verdict, a user with what they liked and are recommended."""

from datetime import date

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from recsys import report
from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import NothingToRecommend
from recsys.promotion.ledger import champion_of


def users_to_show(conn: Connection, n: int) -> list[int]:
    """A few users of the live publication, from short histories to long ones."""
    return [row.user_id for row in conn.execute(queries("report")["users_to_show"], {"n": n})]


def show_user(conn: Connection, console: Console, user_id: int, n: int) -> None:
    """What a user liked, and their list. Raises NothingToRecommend where the live publication has none."""
    listed = conn.execute(queries("report")["recommendations"], {"user_id": user_id, "n": n}).fetchall()
    if not listed:
        raise NothingToRecommend(f"user {user_id} has no row in the live publication: expected a user whom its week knows")
    liked = conn.execute(queries("report")["history"], {"user_id": user_id, "n": n}).fetchall()
    first = listed[0]
    console.print(f"\n[bold]User {user_id}[/bold], publication {first.publication_id} of week {first.as_of}", highlight=False)
    rated = [(f"{row.rating:g}", row.title, _genres(row), str(row.rated_on)) for row in liked]
    console.print(_table("liked best", ("stars", "title", "genres", "on"), rated))
    rows = [(str(r.rank), r.title, _genres(r), f"{r.score:.4f}", _maker(r)) for r in listed]
    console.print(_table("recommended", ("", "title", "genres", "score", "made by"), rows))


def show_exam(conn: Connection, console: Console, as_of: date | None) -> None:
    """The exam's table and the verdict of a week, the newest decided one by default."""
    week = as_of or one_row(conn, queries("report")["newest_decided_week"]).as_of
    champion = champion_of(conn, week) if week else None
    if week is None or champion is None:
        raise NothingToRecommend(f"week {week or 'of any date'} is not decided: expected a run that reached promote_champion")
    console.print(f"\n[bold]The exam of week {week}[/bold]")
    console.print(Markdown(report.exam_table(conn, week)))
    console.print(report.verdict(champion), highlight=False)


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _genres(row) -> str:
    return ", ".join(row.genres)


def _maker(row) -> str:
    return f"{row.recipe_key} v{row.model_version}" if row.source == "model" else "fallback"
