"""Every error as `application/problem+json` (RFC 9457): what is wrong and what is expected, and
nothing of what is inside.
"""

import json
import logging
from http import HTTPStatus

import asyncpg
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from recsys.errors import LedgerError

__all__ = ["PROBLEM", "Problem", "add_problems", "problem_response"]

PROBLEM = "application/problem+json"
#: Seconds after which it is worth asking again, where Postgres is away.
RETRY_AFTER = 5

log = logging.getLogger(__name__)


class Problem(HTTPException):
    """An answer that is an error. `members` are added to its JSON."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(status, detail, headers)
        self.members = members


def problem_response(
    status: int, detail: str, headers: dict[str, str] | None = None, **members: object
) -> Response:
    """Return an error as JSON."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return Response(json.dumps(body), status, headers, media_type=PROBLEM)


def add_problems(app: FastAPI) -> None:
    """Have an application answer every error as a problem. What it does not know is a 500 of its
    gate, see `recsys.serving.gate`.
    """
    app.add_exception_handler(StarletteHTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)
    for kind in (OSError, TimeoutError, asyncpg.InterfaceError, *AWAY):
        app.add_exception_handler(kind, of_absence)
    app.add_exception_handler(LedgerError, of_model)
    for kind in (asyncpg.DataError, asyncpg.CharacterNotInRepertoireError):
        app.add_exception_handler(kind, of_data)


#: What Postgres and asyncpg raise where the database cannot answer now.
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)

DETAILS = {
    404: "there is nothing at this address",
    405: "this address does not answer this method",
}


async def of_http(_request: Request, error: Exception) -> Response:
    """Answer an HTTPException, ours or Starlette's."""
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - as it is registered
    headers = dict(error.headers or {})
    if isinstance(error, Problem):
        return problem_response(error.status_code, error.detail, headers, **error.members)
    detail = DETAILS.get(error.status_code) or str(error.detail)
    return problem_response(error.status_code, detail, headers)


async def of_validation(_request: Request, error: Exception) -> Response:
    """Say which parts of a request are wrong. What was sent is not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it is registered
    errors = [
        {"where": ".".join(map(str, each["loc"])), "message": each["msg"]}
        for each in error.errors()[:20]
    ]
    detail = "the request is not as the API expects it: see errors"
    return problem_response(422, detail, errors=errors)


async def of_absence(_request: Request, error: Exception) -> Response:
    """Answer while Postgres is away."""
    log.warning("the database does not answer: %s", type(error).__name__)
    headers = {"Retry-After": str(RETRY_AFTER)}
    return problem_response(503, "the database does not answer: try again soon", headers)


async def of_model(_request: Request, error: Exception) -> Response:
    """Answer while MLflow does not have the champion, or is away."""
    log.warning("the champion cannot be asked: %s", error)
    headers = {"Retry-After": str(RETRY_AFTER)}
    return problem_response(
        503, "the champion cannot be asked now: the API's log says why", headers
    )


async def of_data(_request: Request, error: Exception) -> Response:
    """Answer what Postgres cannot hold: a number beyond bigint, text with a zero byte. The log has
    its kind, in case the fault is a query's.
    """
    log.warning("the database refuses a value: %s", type(error).__name__)
    return problem_response(422, "a value in the request is one that the database cannot hold")
