"""Everything that is kept of a user, as one JSON document: what an erasure would delete."""

from recsys.db.connect import connect
from recsys.db.queries import queries
from recsys.db.rows import find_value
from recsys.errors import RequestError
from recsys.settings import Settings

__all__ = ["export_user"]


def export_user(settings: Settings, user_id: int) -> str:
    """Return all that is kept of a user as JSON. Raises RequestError where there is nothing.

    What models learned from them is in no document: it is spread over all their numbers.
    """
    with connect(settings) as conn, conn.transaction():
        text = find_value(conn, str, queries("export")["everything"], {"user_id": user_id})
    if text is None:
        raise RequestError(
            f"no user {user_id}: expected one who rated, tagged, is described in a drop, or came "
            "through the API"
        )
    return text
