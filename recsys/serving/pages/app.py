"""The pages as an application of their own, the same in both homes: mounted by the API at its root,
and by Airflow under /recsys/.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from fastapi import FastAPI, Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from recsys.serving.database import Database
from recsys.serving.pages import (
    data,
    errors,
    home,
    models,
    movies,
    operations,
    trying,
    users,
    weeks,
)
from recsys.serving.pages.access import Access, checked_form
from recsys.serving.pages.asking import Memory
from recsys.serving.pages.means import NO_MEANS, Means
from recsys.serving.pages.security import ABSENCE, Guard
from recsys.serving.pages.sessions import sign_out

__all__ = ["pages_app"]

Page: TypeAlias = Callable[[Request], Awaitable[Response]]
Action: TypeAlias = Callable[[Request, FormData], Awaitable[Response]]

#: Path → the page there. Each answers GET alone.
PAGES: dict[str, Page] = {
    "/": home.home,
    "/search": home.search,
    "/users/{user_id:int}": users.user,
    "/movies/{movie_id:int}": movies.movie,
    "/try": trying.try_it,
    "/weeks": weeks.weeks,
    "/weeks/{as_of}": weeks.week,
    "/models": models.models,
    "/experiments": models.experiments,
    "/data": data.data,
    "/operations": operations.operations,
}

#: Path → what a form that is sent there does, once it is known to be ours.
ACTIONS: dict[str, Action] = {"/sign-out": sign_out, **operations.ACTIONS}


def pages_app(
    database: Database,
    access: Access,
    means: Means = NO_MEANS,
    *,
    opens_database: bool = False,
    in_airflow: bool = False,
) -> FastAPI:
    """Return the pages. With `opens_database` their lifespan opens the pool, else the API's has.

    Docs are off, and everything, files included, is behind the guard.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if not opens_database:
            yield
            return
        async with database:
            yield

    app = FastAPI(
        title="Pages",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.database = database
    app.state.access = access
    app.state.means = means
    app.state.in_airflow = in_airflow
    app.state.memory = Memory()
    for path, page in PAGES.items():
        app.add_route(path, page, methods=["GET"])
    for path, action in ACTIONS.items():
        app.add_route(path, _checked(action), methods=["POST"])
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    _add_errors(app)
    app.add_middleware(Guard, access=access)
    return app


def _checked(action: Action) -> Page:
    """Return a route that acts only on a form that its visitor sent from one of these pages."""

    async def act(request: Request) -> Response:
        form = await checked_form(request, request.app.state.access, request.state.visitor)
        return await action(request, form)

    return act


def _add_errors(app: FastAPI) -> None:
    app.add_exception_handler(StarletteHTTPException, errors.of_http)
    for kind in ABSENCE:
        app.add_exception_handler(kind, errors.of_absence)
    app.add_exception_handler(Exception, errors.of_failure)
