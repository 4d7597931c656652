"""The route that is asked most: one user's list.

FastAPI's reading of parameters takes a third of the time of such a request. So a request whose user
is a plain number, as all are, is read here; any other, and the OpenAPI, is FastAPI's.
"""

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import request_response
from starlette.types import Receive, Scope, Send

from recsys.arguments import MOST_ID
from recsys.serving.keys import admit, bearer_of

__all__ = ["HotRoute"]

#: A user's number in the address, in digits: no longer than the largest.
MOST_DIGITS = len(str(MOST_ID))


class HotRoute(APIRoute):
    """A route with `{user_id}` and scope read, whose endpoint takes request, user_id and caller."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.careful = self.app
        self.quick = request_response(self.answer)
        self.app = self.choose

    async def choose(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the quick way, or in FastAPI's."""
        is_plain = plain_id(scope["path_params"]["user_id"]) is not None
        await (self.quick if is_plain else self.careful)(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Return the answer to a request whose user is a plain number."""
        caller = await admit(request, bearer_of(request), "read")
        return await self.endpoint(request, plain_id(request.path_params["user_id"]), caller)


def plain_id(text: str) -> int | None:
    """Return the number of a text that is a plain one within bounds, else None."""
    if len(text) > MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    user_id = int(text)
    return user_id if user_id <= MOST_ID else None
