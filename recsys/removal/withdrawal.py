"""A movie that may not be recommended any more: from the next publication on, or at once; and back
again.
"""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from recsys.db.connect import Connection, connect
from recsys.db.queries import queries
from recsys.errors import RequestError
from recsys.limits import check_reason
from recsys.promotion.copies import without_withdrawn
from recsys.promotion.live import go_live
from recsys.settings import Settings


@dataclass(frozen=True)
class Movie:
    """A movie as readers see it now. `withdrawn_at` and `reason` are None where it is not
    withdrawn.
    """

    title: str
    withdrawn_at: datetime | None
    reason: str | None
    publication_id: int | None
    as_of: date | None
    n_users: int | None
    n_lists: int

    @property
    def place(self) -> str:
        """Return in how many lists of the live publication it is, as a sentence."""
        if self.publication_id is None:
            return "Nothing is live."
        lists = (
            f"{self.n_lists:,} of the {self.n_users:,} lists"
            if self.n_lists
            else "none of the lists"
        )
        return (
            f"It is in {lists} of the live publication {self.publication_id} (week {self.as_of})."
        )


def find_movie(conn: Connection, movie_id: int) -> Movie:
    """Return a movie. Raises RequestError for one that no drop brought."""
    cursor = conn.cursor(row_factory=class_row(Movie))
    movie = cursor.execute(queries("removal")["movie"], {"movie_id": movie_id}).fetchone()
    if movie is None:
        raise RequestError(
            f"no movie {movie_id}: expected one that a drop told of. Nothing was changed"
        )
    return movie


def withdraw_movie(
    settings: Settings,
    movie_id: int,
    reason: str,
    *,
    now: bool = False,
    requested_by: str = "",
    run_id: str = "",
) -> str:
    """Keep a movie out of every publication from now on; return what was done as a sentence.

    `now`: also put a copy of the live publication before readers that lacks it, in the same
    transaction. The champion stays. The same again changes nothing. Raises RequestError for a movie
    that no drop brought.
    """
    act = {"movie_id": movie_id, "reason": check_reason(reason), "requested_by": requested_by}
    with connect(settings) as conn, conn.transaction():
        conn.execute(queries("live")["hold"])
        movie = find_movie(conn, movie_id)
        name = f"movie {movie_id}, {movie.title},"
        conn.execute(queries("removal")["withdraw"], act)
        done = (
            f"{name} was withdrawn before: {movie.reason}"
            if movie.withdrawn_at
            else f"{name} is withdrawn"
        )
        if now:
            why = f"{name} was withdrawn: {reason}"
            return f"{done}. {_serve_without(conn, movie, why, act | {'run_id': run_id})}"
    if movie.n_lists:
        return (
            f"{done}: no publication from now on holds it. {movie.place} To take it out of them "
            "now: --now"
        )
    return f"{done}: no publication from now on holds it"


def undo_withdrawal(
    settings: Settings, movie_id: int, reason: str, *, requested_by: str = ""
) -> str:
    """Let a movie be recommended again from the next publication on; return what was done as a
    sentence.

    Raises RequestError for a movie that is not withdrawn.
    """
    act = {"movie_id": movie_id, "reason": check_reason(reason), "requested_by": requested_by}
    with connect(settings) as conn, conn.transaction():
        conn.execute(queries("live")["hold"])
        movie = find_movie(conn, movie_id)
        if not conn.execute(queries("removal")["undo_withdrawal"], act).rowcount:
            raise RequestError(
                f"movie {movie_id}, {movie.title}, is not withdrawn: nothing to undo"
            )
    return (
        f"movie {movie_id}, {movie.title}, may be recommended again from the next publication on; "
        "a rollback to one that held it brings it back at once"
    )


def _serve_without(conn: Connection, movie: Movie, reason: str, act: dict) -> str:
    """Put the copy without withdrawn movies before readers; return what they see."""
    if movie.publication_id is None:
        return "Nothing is live, so nothing had to be taken out"
    copy_id = without_withdrawn(conn, movie.publication_id, act["run_id"])
    if copy_id == movie.publication_id:
        return f"No list of the live publication {copy_id} holds it: nothing had to be taken out"
    go_live(conn, act | {"publication_id": copy_id, "cause": "by hand", "reason": reason})
    return (
        f"Publication {copy_id} is live in place of {movie.publication_id}: the same lists but for "
        f"the {movie.n_lists:,} that "
        "held it, which end with what comes next"
    )
