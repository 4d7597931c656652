"""The two things that remove: a movie's withdrawal, and the erasure of a user."""

from contextlib import ExitStack
from typing import LiteralString

from recsys.db.connect import advisory_lock, connect, one_row
from recsys.db.queries import queries
from recsys.errors import RecsysError
from recsys.settings import Settings


def withdraw_movie(settings: Settings, movie_id: int, reason: str) -> None:
    """Keep a movie out of every publication made from now on. Raises RecsysError for a movie that no drop told of."""
    with connect(settings) as conn:
        if not one_row(conn, queries("removal")["movie_is_known"], {"movie_id": movie_id}).known:
            raise RecsysError(f"no movie {movie_id}: expected one that a drop told of")
        conn.execute(queries("removal")["withdraw"], {"movie_id": movie_id, "reason": reason})


def erase_user(settings: Settings, user_id: int) -> dict[str, int]:
    """Remove a user's facts and recommendations in one transaction, views included; return how many rows of each went.

    The tombstone keeps every later drop from bringing the user back. Exams of weeks not yet decided are set again, since what
    they were set on has changed. Models fitted before keep what they learned until refitted.
    """
    erasures: list[tuple[str, LiteralString]] = [
        (name, text) for name, text in queries("removal").items() if name.startswith("erase_")
    ]
    with connect(settings) as conn, ExitStack() as held:
        for lock in ("ingest", "views", "publish"):
            held.enter_context(advisory_lock(conn, lock))
        held.enter_context(conn.transaction())
        conn.execute(queries("removal")["bury"], {"user_id": user_id})
        conn.execute(queries("ingest")["empty_staging"])
        conn.execute(queries("removal")["void_undecided_exams"])
        counts = {name.removeprefix("erase_"): conn.execute(text, {"user_id": user_id}).rowcount for name, text in erasures}
        conn.execute(queries("removal")["redact_reasons"], {"user_id": user_id})
        for refresh in queries("views").values():
            conn.execute(refresh)
    return {name.replace("_", " "): n for name, n in counts.items()}
