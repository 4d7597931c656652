"""Tables for a terminal: an exam with its verdict, a user with what they liked and are
recommended.
"""

from dataclasses import dataclass
from datetime import date

from rich.console import Console

from recsys import report
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_values, find_value
from recsys.errors import NothingToRecommend
from recsys.promotion.ledger import Champion, champion_of
from recsys.report.grid import Grid
from recsys.report.lists import ListedMovie
from recsys.terminal import head, say, table

__all__ = ["show_exam", "show_user", "users_to_show"]


@dataclass(frozen=True)
class RatedMovie:
    """A movie that a user rated."""

    movie_id: int
    title: str
    genres: list[str]
    rating: float
    rated_on: date


@dataclass(frozen=True)
class Recommendation(ListedMovie):
    """A row of the live publication."""

    recipe_key: str
    model_version: str
    as_of: date
    publication_id: int
    reason: str | None


def users_to_show(conn: Connection, n: int) -> list[int]:
    """Return a few users of the live publication, from short histories to long ones."""
    return fetch_values(conn, int, queries("report")["users_to_show"], {"n": n})


def show_user(conn: Connection, console: Console, user_id: int, n: int) -> int:
    """Show what a user liked, and their list; return how long it is. Raises NothingToRecommend
    where nothing live is theirs.
    """
    key = {"user_id": user_id, "n": n}
    listed = fetch_rows(conn, Recommendation, queries("report")["recommendations"], key)
    if not listed:
        raise NothingToRecommend(
            f"user {user_id} has no row in the live publication: expected a "
            "user whom its week knows"
        )
    first = listed[0]
    head(console, f"User {user_id}", f", publication {first.publication_id} of week {first.as_of}")
    show_liked(console, fetch_rows(conn, RatedMovie, queries("report")["history"], key))
    show_listed(console, listed)
    return len(listed)


def show_liked(console: Console, rated: list[RatedMovie]) -> None:
    rows = [
        (f"{movie.rating:g}", movie.title, ", ".join(movie.genres), movie.rated_on)
        for movie in rated
    ]
    columns = ("stars", "title", "genres", "on")
    console.print(table(columns, rows, title="liked best", whole=("stars", "on")))


def show_listed(console: Console, listed: list[Recommendation]) -> None:
    rows = [
        (row.rank, row.title, row.reason or "", f"{row.score:.4f}", row.source) for row in listed
    ]
    columns = ("", "title", "why", "score", "source")
    title = f"recommended by {listed[0].recipe_key} v{listed[0].model_version}"
    console.print(table(columns, rows, title=title, whole=("", "score", "source")))


def show_exam(
    conn: Connection, console: Console, as_of: date | None, *, every: bool = False
) -> None:
    """Show the exam and the verdict of a week, the newest decided one by default: what decides, or
    every figure.
    """
    champion = decision(conn, as_of)
    week = champion.as_of
    page = report.exam_page(conn, week)
    head(console, f"The exam of week {week}")
    say(console, page.sentence)
    if page.slices_sentence:
        say(console, page.slices_sentence)
    show_grid(console, page.full if every else page.brief)
    say(console, report.verdict(champion))
    if not every:
        say(console, f"All figures: python -m recsys exam --all --as-of {week}")


def show_grid(console: Console, grid: Grid) -> None:
    for part in grid.fitting(console.width):
        console.print(table(part.header, part.lines, whole=part.header))


def decision(conn: Connection, as_of: date | None) -> Champion:
    """The decision of a week, of the newest decided one by default."""
    newest = queries("report")["newest_decided_week"]
    week = as_of or find_value(conn, date, newest)
    champion = champion_of(conn, week) if week else None
    if champion is None:
        raise NothingToRecommend(
            f"week {week or 'of any date'} is not decided: expected a run "
            "that reached promote_champion"
        )
    return champion
