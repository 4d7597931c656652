"""A movie that may not be recommended any more: from the next publication on, or at once; and back
again.
"""

from dataclasses import dataclass
from datetime import date, datetime

from recsys.db.connect import Connection, connect
from recsys.db.queries import queries
from recsys.db.rows import find_row
from recsys.errors import RequestError
from recsys.limits import check_reason
from recsys.promotion.copies import without_withdrawn
from recsys.promotion.live import go_live
from recsys.removal.requester import NOBODY, Requester
from recsys.settings import Settings

__all__ = ["Movie", "find_movie", "undo_withdrawal", "withdraw_movie"]


@dataclass(frozen=True)
class Movie:
    """A movie as readers see it now. `withdrawn_at` and `reason` are None where it is not
    withdrawn.
    """

    movie_id: int
    title: str
    withdrawn_at: datetime | None
    reason: str | None
    publication_id: int | None
    as_of: date | None
    n_users: int | None
    n_lists: int

    def __str__(self) -> str:
        return f"movie {self.movie_id}, {self.title}"

    @property
    def place(self) -> str:
        """Return in how many lists of the live publication it is, as a sentence."""
        if self.publication_id is None:
            return "Nothing is live."
        lists = "none of the lists"
        if self.n_lists:
            lists = f"{self.n_lists:,} of the {self.n_users:,} lists"
        return (
            f"It is in {lists} of the live publication {self.publication_id} (week {self.as_of})."
        )

    @property
    def withdrawal(self) -> str:
        """Return that it is withdrawn from here on, or was before."""
        if self.withdrawn_at:
            return f"{self}, was withdrawn before: {self.reason}"
        return f"{self}, is withdrawn"

    @property
    def withdrawal_from_next(self) -> str:
        """Return that publications to come lack it, and how the live one does too."""
        text = f"{self.withdrawal}: no publication from now on holds it"
        return f"{text}. {self.place} To take it out of them now: --now" if self.n_lists else text


def find_movie(conn: Connection, movie_id: int) -> Movie:
    """Return a movie. Raises RequestError for one that no drop brought."""
    movie = find_row(conn, Movie, queries("removal")["movie"], {"movie_id": movie_id})
    if movie is None:
        raise RequestError(
            f"no movie {movie_id}: expected one that a drop brought. Nothing was changed"
        )
    return movie


def withdraw_movie(
    settings: Settings,
    movie_id: int,
    reason: str,
    *,
    now: bool = False,
    requester: Requester = NOBODY,
) -> str:
    """Keep a movie out of every publication from now on; return what was done as a sentence.

    `now`: also make a copy of the live publication that lacks it live, in the same transaction. The
    champion stays. The same again changes nothing. Raises RequestError for a movie that no drop
    brought.
    """
    act = _act(movie_id, reason, requester)
    with connect(settings) as conn, conn.transaction():
        conn.execute(queries("live")["hold"])
        movie = find_movie(conn, movie_id)
        conn.execute(queries("removal")["withdraw"], act)
        if now:
            flip = act | {"reason": f"{movie}, was withdrawn: {reason}"}
            return f"{movie.withdrawal}. {serve_without(conn, movie, flip)}"
    return movie.withdrawal_from_next


def undo_withdrawal(
    settings: Settings, movie_id: int, reason: str, *, requester: Requester = NOBODY
) -> str:
    """Let a movie be recommended again from the next publication on; return what was done as a
    sentence.

    Raises RequestError for a movie that is not withdrawn.
    """
    act = _act(movie_id, reason, requester)
    with connect(settings) as conn, conn.transaction():
        conn.execute(queries("live")["hold"])
        movie = find_movie(conn, movie_id)
        if not conn.execute(queries("removal")["undo_withdrawal"], act).rowcount:
            raise RequestError(f"{movie}, is not withdrawn: nothing to undo")
    return (
        f"{movie}, may be recommended again from the next publication on; a rollback to one that "
        "held it brings it back at once"
    )


def _act(movie_id: int, reason: str, requester: Requester) -> dict[str, object]:
    return {"movie_id": movie_id, "reason": check_reason(reason)} | vars(requester)


def serve_without(conn: Connection, movie: Movie, flip: dict[str, object]) -> str:
    """Make the copy without withdrawn movies live; return what readers see."""
    if movie.publication_id is None:
        return "Nothing is live, so nothing had to be taken out"
    copy_id = without_withdrawn(conn, movie.publication_id, str(flip["run_id"]))
    if copy_id == movie.publication_id:
        return f"No list of the live publication {copy_id} holds it: nothing had to be taken out"
    go_live(conn, flip | {"publication_id": copy_id, "cause": "by hand"})
    return (
        f"Publication {copy_id} is live in place of {movie.publication_id}: the same lists but for "
        f"the {movie.n_lists:,} that held it, which end with what comes next"
    )
