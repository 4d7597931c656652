"""The statement by which the API reads a user's list, and its arguments."""

from recsys.serving.database import statement
from recsys.serving.filters import ListQuery

__all__ = ["arguments_of", "text"]

LISTS = statement("serving_lists", "lists")


def text() -> str:
    """Return it with numbered parameters."""
    return LISTS.text


def arguments_of(user_id: int, n: int) -> list[object]:
    """Return its arguments for one user's first n movies."""
    return LISTS.arguments({"user_ids": [user_id], "etags": [], **ListQuery(n=n).params})
