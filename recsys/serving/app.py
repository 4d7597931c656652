"""The application: `create_app(settings)`."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from recsys.serving.champion import Champions
from recsys.serving.database import Database
from recsys.serving.fresh import Fresh
from recsys.serving.gate import Gate
from recsys.serving.keys import Keys
from recsys.serving.pages.alone import mount_pages
from recsys.serving.predictor import Predictor
from recsys.serving.problems import add_problems
from recsys.serving.routes import (
    feedback,
    for_ratings,
    health,
    history,
    ledger,
    movies,
    predictions,
    recommendations,
    users,
    weeks,
)
from recsys.settings import Settings

__all__ = ["create_app", "from_environment"]

#: The first is looked at first.
ROUTERS = (
    recommendations.router,
    feedback.router,
    for_ratings.router,
    health.router,
    history.router,
    ledger.router,
    movies.router,
    predictions.router,
    recommendations.batches,
    users.router,
    weeks.router,
)


def create_app(settings: Settings, *, is_warm: bool = False) -> FastAPI:
    """Return the API. Its lifespan opens the pool; Postgres may come later. With `is_warm` it loads
    the live champion meanwhile, so that nobody waits for it.

    `app.state` has `settings`, `database`, `keys` and `fresh`. Raises RecsysError without a
    database's address.
    """
    database = Database.of(settings)
    champions = Champions(settings)
    fresh = Fresh(database, champions)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with database:
            warming = asyncio.create_task(fresh.warm_up()) if is_warm else None
            yield
            if warming is not None:
                warming.cancel()
        champions.close()

    app = FastAPI(
        title="Weekly movie recommender",
        summary="Lists as they were published, with their reasons.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # they answer without a key
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.keys = Keys(database)
    app.state.predictor = Predictor(settings)
    app.state.fresh = fresh
    add_problems(app)
    app.add_middleware(Gate)
    for router in ROUTERS:
        app.include_router(router)
    mount_pages(app, settings)
    return app


def from_environment() -> FastAPI:
    """Return the API of this process's settings: what each worker of the server calls.

    It logs plain lines: a terminal's take a tenth of the time of a request.
    """
    level = os.environ.get("RECSYS_LOG_LEVEL", "INFO").upper()
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=level, format=form, force=True)
    return create_app(Settings.from_environment(), is_warm=True)
