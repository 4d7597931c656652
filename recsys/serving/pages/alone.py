"""The pages beside the API, without Airflow: people sign in by pasting a key."""

import hashlib
import hmac
import re
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from starlette.datastructures import Headers
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Match, Mount
from starlette.types import Scope

from recsys.serving.keys import SCOPES, Keys
from recsys.serving.pages.access import Visitor
from recsys.serving.pages.app import pages_app
from recsys.serving.pages.approvals import LoginAirflow
from recsys.serving.pages.local_asks import LocalAsks
from recsys.serving.pages.means import Means
from recsys.serving.pages.operator import Operator
from recsys.serving.pages.rendering import is_part, render
from recsys.serving.pages.sessions import COOKIE, HOURS, Session
from recsys.serving.secret import PresentedKey
from recsys.settings import Settings

__all__ = ["KeyAccess", "mount_pages"]

STYLE = Path(__file__).parent / "static" / "style.css"
#: Paths of the API: what it does not know there is its error, and no page.
OF_THE_API = ("/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json")
NO_KEY = (
    "This key does not open the pages: it takes one of `recsys keys create` with the scope read, "
    "predict or admin that still holds and is not for a single user."
)


class KeyAccess:
    """Sign in by a key that reads; it is asked for anew at each request, so that one that was
    revoked opens nothing more.
    """

    def __init__(self, keys: Keys, secret: bytes) -> None:
        self.keys = keys
        self.secret = secret

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in. Nobody is on the page where one signs in."""
        session = Session.read(request.cookies.get(COOKIE, ""), self.secret)
        if session is None or _path(request) == "/sign-in":
            return None
        return await self._visitor(session)

    async def _visitor(self, session: Session) -> Visitor | None:
        caller = await self.keys.holder(session.key)
        if caller is None or caller.user_id is not None or "read" not in SCOPES[caller.scope]:
            return None
        return Visitor(
            name=f"key {caller.key_id} ({caller.scope})",
            session=session.proof(self.secret),
            is_operator="admin" in SCOPES[caller.scope],
            may_predict="predict" in SCOPES[caller.scope],
            can_sign_out=True,
        )

    async def is_operator(self, request: Request, visitor: Visitor) -> bool:
        """Ask again whether the key opens operations."""
        again = await self.visitor(request)
        return again is not None and again.session == visitor.session and again.is_operator

    async def refuse(self, request: Request) -> Response:
        """Show where to sign in, or sign in."""
        path = _path(request)
        if path == "/static/style.css":
            return FileResponse(STYLE)
        if path == "/sign-in" and request.method == "POST":
            return await self._sign_in(request)
        if is_part(request):  # of a page that was open when the session ended
            return Response(status_code=401, headers={"HX-Refresh": "true"})
        here = path.removeprefix("/") if request.method == "GET" else ""
        query = f"?{request.url.query}" if request.url.query and here else ""
        return sign_in_page(request, "" if here == "sign-in" else f"{here}{query}")

    async def _sign_in(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "This form was not sent from the page where one signs in.")
        form = await request.form(max_files=0, max_fields=5, max_part_size=4_000)
        text, next_page = str(form.get("key", "")).strip(), str(form.get("next", ""))
        presented = PresentedKey.read(text)
        session = Session.begin(presented) if presented else None
        if session is None or await self._visitor(session) is None:
            return sign_in_page(request, next_page, NO_KEY)
        response = RedirectResponse(local_page(next_page), 303)
        response.set_cookie(
            COOKIE,
            session.text(self.secret),
            max_age=HOURS * 3_600,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response


def sign_in_page(request: Request, next_page: str, problem: str = "") -> Response:
    """Return the page where one signs in."""
    return render(request, "sign_in.html.jinja", 401, next_page=next_page, problem=problem)


def local_page(text: str) -> str:
    """Return a page of ours, relative to the root; the first one for anything else."""
    is_ours = re.fullmatch(r"[a-z0-9][a-z0-9/_-]*(\?[^\s\\]*)?", text, re.ASCII)
    return f"./{text}" if is_ours and "//" not in text.partition("?")[0] else "./"


class PagesMount(Mount):
    """The pages, at the paths that are theirs, and for a browser at what nobody knows: it gets a
    page that says so, and a program the API's own error.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or not self.is_for(scope):
            return Match.NONE, {}
        return super().matches(scope)

    def is_for(self, scope: Scope) -> bool:
        """Return whether a request is for the pages."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(OF_THE_API):
            return False
        own = any(route.matches(scope)[0] is not Match.NONE for route in self.routes)
        return own or path == "/sign-in" or "text/html" in Headers(scope=scope).get("accept", "")


def mount_pages(api: FastAPI, settings: Settings) -> None:
    """Add the pages to an API, after its routes."""
    access = KeyAccess(api.state.keys, _secret(settings))
    means = Means(
        asks=LocalAsks(api.state.fresh),
        operator=Operator(settings) if settings.operator_database_url else None,
        airflow=LoginAirflow(settings) if settings.airflow_url else None,
    )
    pages = pages_app(api.state.database, access, means)
    api.router.routes.append(PagesMount("", app=pages, name="pages"))


def _secret(settings: Settings) -> bytes:
    """Return what sessions are signed with: the same in every worker, and after a restart. Whoever
    knows the database's address could make a key anyway.
    """
    address = settings.api_database_url.get_secret_value() if settings.api_database_url else ""
    return hmac.new(address.encode(), b"recsys pages", hashlib.sha256).digest()


def _path(request: Request) -> str:
    return request.scope["path"].removeprefix(request.scope.get("root_path", ""))
