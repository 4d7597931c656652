"""The statement by which the API reads a user's list, and its arguments."""

from functools import cache

from recsys.serving.database import statement
from recsys.serving.filters import ListQuery

__all__ = ["arguments_of", "text"]

LISTS = statement("serving_lists", "lists")


def text() -> str:
    """Return it with numbered parameters."""
    return LISTS.text


def arguments_of(user_id: int, n: int) -> list[object]:
    """Return its arguments for one user's first n movies."""
    arguments = arguments_of_anyone(n).copy()
    arguments[LISTS.names.index("user_ids")] = [user_id]
    return arguments


@cache
def arguments_of_anyone(n: int) -> list[object]:
    """Return all but the user, made once: a loop has nothing else to do."""
    query = ListQuery(n=n)
    others = {"user_ids": [], "explain": query.explain, "is_fresh": query.fresh}
    return LISTS.arguments({**others, **query.params})
