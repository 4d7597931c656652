"""A user over time: what was rated, and what was recommended."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from recsys.serving.answers import database_of, json_or_404
from recsys.serving.keys import Caller, needs
from recsys.serving.parameters import Day, Length, Offset, UserId
from recsys.serving.problems import Problem

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["users"])
Reader = Annotated[Caller, Depends(needs("read"))]


class RatedMovie(BaseModel):
    """A movie with the user's newest rating. `drop_date` is null until a drop brings it."""

    movie_id: int
    title: str | None
    year: int | None
    genres: list[str]
    rating: float
    rated_at: datetime
    source: str
    drop_date: date | None


class History(BaseModel):
    """What a user has rated, the newest first; `total` counts other pages too."""

    user_id: int
    total: int
    items: list[RatedMovie]


class PastMovie(BaseModel):
    """A movie that was recommended. `withdrawn_at` is as it is now."""

    rank: int
    movie_id: int
    title: str | None
    year: int | None
    genres: list[str]
    score: float
    source: str
    withdrawn_at: datetime | None


class PastList(BaseModel):
    """A list as readers had it, and where it came from."""

    user_id: int
    publication: int
    as_of: date
    went_live_at: datetime
    arm: str | None
    recipe: str
    model_version: str
    rows_deleted_at: datetime | None
    items: list[PastMovie]
    lineage: dict[str, Any]


@dataclass(frozen=True)
class LivePublication:
    """What was live as of a day."""

    publication_id: int
    went_live_at: datetime


@router.get(
    "/{user_id}/history",
    summary="What a user has rated",
    responses={200: {"model": History}, 404: {"description": "the user has rated nothing"}},
)
async def get_history(
    request: Request, caller: Reader, user_id: UserId, n: Length = 20, offset: Offset = 0
) -> Response:
    """Return a user's newest rating of each movie, the newest first: what drops brought, and what
    came through the API since.
    """
    caller.check_user(user_id)
    ratings = await database_of(request).value(
        str, "serving_history", "ratings", user_id=user_id, n=n, offset=offset
    )
    return json_or_404(ratings, f"user {user_id} has rated nothing: expected one who has")


@router.get(
    "/{user_id}/lists",
    summary="What a user was recommended",
    responses={200: {"model": PastList}, 404: {"description": "there was no list"}},
)
async def get_list(
    request: Request,
    caller: Reader,
    user_id: UserId,
    as_of: Annotated[
        Day | None, Query(description="the newest week then; without it, the newest of all")
    ] = None,
) -> Response:
    """Return the list that a user had while no week after `as_of` was live, just as it was
    published, with its lineage: model, data, code, decision. Where retention has deleted its rows,
    `items` is empty and `rows_deleted_at` says when.
    """
    caller.check_user(user_id)
    database = database_of(request)
    live = await database.row(LivePublication, "serving_history", "live_as_of", as_of=as_of)
    if live is None:
        raise Problem(404, f"nothing was live as of {as_of or 'now'}: expected a later day")
    past = await database.value(str, "serving_history", "list", user_id=user_id, **vars(live))
    name = f"publication {live.publication_id}, which was live as of {as_of or 'now'}"
    return json_or_404(past, f"user {user_id} has no list in {name}: expected one of its users")
