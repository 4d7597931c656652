"""JSON that Postgres built, sent as it came: no row becomes an object of Python on its way."""

from fastapi import Request, Response

from recsys.serving.database import Database
from recsys.serving.problems import Problem

__all__ = ["database_of", "json_answer", "json_or_404"]


def database_of(request: Request) -> Database:
    """Return the database of the application that a request came to."""
    return request.app.state.database


def json_answer(text: str, status: int = 200) -> Response:
    """Return JSON as the answer."""
    return Response(text, status, media_type="application/json")


def json_or_404(text: str | None, detail: str) -> Response:
    """Return JSON as the answer, and raise a 404 where there is none."""
    if text is None:
        raise Problem(404, detail)
    return json_answer(text)
