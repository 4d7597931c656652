"""Whether the process answers, and whether it can serve: `/healthz`, `/readyz`, `/metrics`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from recsys.serving.database import Database
from recsys.serving.keys import Caller, needs
from recsys.serving.metrics import CONTENT_TYPE_LATEST, exposition
from recsys.serving.problems import Problem

__all__ = ["router"]

router = APIRouter(tags=["health"])


@dataclass(frozen=True)
class Live:
    """The live publication, and since when."""

    publication: int
    as_of: date
    went_live_at: datetime
    age_seconds: float


@router.get("/healthz")
async def healthz() -> Response:
    """Say that the process answers. The one route that needs no key."""
    return Response('{"status":"ok"}', media_type="application/json")


@router.get("/readyz")
async def readyz(request: Request, _caller: Annotated[Caller, Depends(needs("read"))]) -> Live:
    """Return the live publication and its age; 503 without one, or without the database."""
    database: Database = request.app.state.database
    live = await database.row(Live, "serving_health", "live")
    if live is None:
        raise Problem(503, "no publication is live yet: a week has to run first")
    return live


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, _caller: Annotated[Caller, Depends(needs("read"))]) -> Response:
    """Return the figures of all workers of this machine, for Prometheus."""
    database: Database = request.app.state.database
    live = await database.row(Live, "serving_health", "live")
    body = exposition(live and live.publication, live and live.age_seconds)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})
