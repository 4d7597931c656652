"""What stands before every page: the visitor, and headers on every answer."""

import asyncpg
from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.serving.pages.access import Access
from recsys.serving.pages.errors import error_page
from recsys.serving.problems import AWAY

__all__ = ["ABSENCE", "HEADERS", "Guard"]

#: What is raised where Postgres is away.
ABSENCE = (OSError, TimeoutError, asyncpg.InterfaceError, *AWAY)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}


class Guard:
    """The outermost layer: nothing behind it answers nobody, whatever kind of route it is.

    A dependency of routes would leave mounted files, and routes that come later, open.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no page speaks by a web socket
            return
        await self._answer(scope, receive, _with_headers(scope, send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            visitor = await self.access.visitor(request)
            if visitor is None:
                response = await self.access.refuse(request)
                await response(scope, receive, send)
                return
        except HTTPException as error:
            response = error_page(request, error.status_code, str(error.detail))
            await response(scope, receive, send)
            return
        except ABSENCE:
            response = error_page(request, 503)
            await response(scope, receive, send)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        await self.app(scope, receive, send)


def _with_headers(scope: Scope, send: Send) -> Send:
    is_static = "/static/" in scope["path"]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            cache = "private, max-age=3600" if is_static else "private, no-store"
            headers["Cache-Control"] = cache
        await send(message)

    return sent
