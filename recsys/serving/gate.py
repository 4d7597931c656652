"""What every request passes first and every answer last: the limit of a body, headers, the log, and
the answer where the application failed.
"""

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.serving.metrics import count_request
from recsys.serving.problems import Problem, problem_response

__all__ = ["MOST_BODY", "Gate"]

#: Bytes of a request's body. 1,000 ratings take some 70 kB.
MOST_BODY = 1_048_576

log = logging.getLogger(__name__)


class Gate:
    """The outermost middleware.

    The log has the route's pattern in the place of the path, and no query: neither names a user,
    and a key that somebody put there by mistake stays out of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await Passage(self.app, scope, receive, send).run()


class Passage:
    """One request on its way through the gate."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self.app = app
        self.scope = scope
        self.outer_receive = receive
        self.outer_send = send
        self.n_bytes = 0
        self.status = 0
        scope.setdefault("state", {})

    async def run(self) -> None:
        """Answer the request, and log that it was."""
        started = time.perf_counter()
        try:
            await self.answer()
        finally:
            seconds = time.perf_counter() - started
            count_request(self.scope["method"], self.route, self.status, seconds)
            log.info(
                "%s %s %s %.1f ms key %s",
                self.scope["method"],
                self.route,
                self.status,
                seconds * 1000,
                self.scope["state"].get("key_id", "-"),
            )

    @property
    def route(self) -> str:
        """The pattern of the route that answered, such as /v1/users/{user_id}."""
        return getattr(self.scope.get("route"), "path", "-")

    async def answer(self) -> None:
        try:
            if self.announced > MOST_BODY:
                raise too_large()
            await self.app(self.scope, self.receive, self.send)
        except Exception as error:
            if self.status:
                raise  # too late to answer otherwise: the connection is closed
            await self.answer_failure(error)

    async def answer_failure(self, error: Exception) -> None:
        if isinstance(error, Problem):
            response = problem_response(error.status_code, error.detail)
        else:
            log.error("no answer: %s", type(error).__name__, exc_info=error)
            response = problem_response(500, "the API failed: its log says why")
        await response(self.scope, self.receive, self.send)

    @property
    def announced(self) -> int:
        """How long the body is, by the request's own word; 0 where it does not say."""
        for name, value in self.scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return int(value)
        return 0

    async def receive(self) -> Message:
        message = await self.outer_receive()
        self.n_bytes += len(message.get("body", b""))
        if self.n_bytes > MOST_BODY:
            raise too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("X-Content-Type-Options", "nosniff")
            for name, value in self.scope["state"].get("headers", {}).items():
                headers[name] = value
        await self.outer_send(message)


def too_large() -> Problem:
    """Return the answer to a body that is too large."""
    return Problem(413, f"the body is too large: expected at most {MOST_BODY:,} bytes")
