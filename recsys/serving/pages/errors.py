"""Pages that say what went wrong, and what to do next; nothing of what is inside."""

import logging

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from recsys.serving.pages.rendering import render

__all__ = ["error_page", "of_absence", "of_failure", "of_http"]

log = logging.getLogger(__name__)

#: Status → what a heading says, and what to do.
WORDS = {
    401: ("Please sign in", "These pages are for people who are signed in."),
    403: ("Not allowed", "Your sign-in does not open this."),
    404: ("Not here", "There is no such page. Look for a user or a movie instead."),
    405: ("Not here", "There is no such page. Look for a user or a movie instead."),
    422: (
        "That is no request of ours",
        "Check the address, or start from the first page.",
    ),
    500: ("Something failed", "It is in the server's log. Other pages may still work."),
    503: (
        "The database does not answer",
        "Nothing is lost: lists stay as they were published. Try again in a few seconds.",
    ),
}


def error_page(request: Request, status: int, detail: str = "") -> HTMLResponse:
    """Return the page of an error."""
    heading, advice = WORDS.get(status, WORDS[500])
    return render(
        request, "error.html.jinja", status, heading=heading, advice=detail or advice, status=status
    )


async def of_http(request: Request, error: Exception) -> HTMLResponse:
    """Answer an HTTPException of ours or of Starlette's."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    is_ours = error.detail and error.status_code not in (404, 405)
    if error.status_code == 404 and error.detail != "Not Found":
        is_ours = True
    return error_page(request, error.status_code, str(error.detail) if is_ours else "")


async def of_absence(request: Request, error: Exception) -> HTMLResponse:
    """Answer while Postgres is away."""
    log.warning("the database does not answer: %s", type(error).__name__)
    return error_page(request, 503)


async def of_failure(request: Request, _error: Exception) -> HTMLResponse:
    """Answer what nobody foresaw; the server logs it."""
    return error_page(request, 500)
