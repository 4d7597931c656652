"""Lists as they were published: of one user, and of many."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from recsys.serving.database import Database
from recsys.serving.etag import caching, tags_of
from recsys.serving.filters import BatchRequest, Id, ListFilters, ListQuery
from recsys.serving.fresh import Fresh, ListRequest
from recsys.serving.hot_route import HotRoute
from recsys.serving.keys import Caller, needs
from recsys.serving.problems import Problem
from recsys.serving.query_string import parameters_of, read_query

__all__ = ["batches", "router"]

router = APIRouter(tags=["recommendations"], route_class=HotRoute)
batches = APIRouter(tags=["recommendations"])
#: How Postgres writes it.
NO_REASON = b'"reasons" : null'
Reader = Annotated[Caller, Depends(needs("read"))]


@dataclass(frozen=True)
class UserList:
    """One user's list as JSON, None where it was not read: see the query `lists`."""

    user_id: int
    publication_id: int
    depth: int
    etag: str
    body: bytes | None


@router.get(
    "/v1/users/{user_id}/recommendations",
    summary="A user's list",
    responses={
        304: {"description": "the list is still the one of If-None-Match"},
        404: {"description": "nothing is there to ask anew"},
    },
    openapi_extra={"parameters": parameters_of(ListQuery)},
)
async def recommendations(request: Request, user_id: Id, caller: Reader) -> Response:
    """Return a user's list of the live publication, best first.

    Filters act on the whole depth; what they leave short is filled up by the fallback, under the
    same filters and marked so. What the user has rated or dismissed since is left out, and what is
    withdrawn. A user without a list gets the fallback, and `known` is false.

    With `fresh` the champion makes the list anew, of the user's history and of what the user has
    rated through the API since.
    """
    caller.check_user(user_id)
    query = read_query(request.scope["query_string"])
    tags = tags_of(request)
    if tags:
        database: Database = request.app.state.database
        tag = await database.value(
            str, "serving_lists", "tag", user_id=user_id, request=query.request_text
        )
        if tag is not None and tag in tags:
            return Response(status_code=304, headers=caching(tag))
    (stored,) = await read_lists(
        request, [user_id], query, is_explained=query.explain, is_fresh=query.fresh
    )
    body = stored.body
    fresh: Fresh = request.app.state.fresh
    if body is not None and query.explain and NO_REASON in body:
        body = await fresh.complete_reasons(body)
    if body is None:
        wish = ListRequest(query, is_explained=query.explain, user_id=user_id)
        body = await fresh.answer(await fresh.history(user_id), wish)
    return Response(body, headers=caching(stored.etag), media_type="application/json")


@batches.post("/v1/recommendations:batch", summary="Lists of many users")
async def batch(request: Request, body: BatchRequest, caller: Reader) -> Response:
    """Return the lists of up to 1,000 users, in the order in which they are named. Reasons are
    those that the publication has: of the first movies of each list.
    """
    for user_id in set(body.user_ids):
        caller.check_user(user_id)
    lists = await read_lists(request, body.user_ids, body, is_explained=body.explain)
    content = b",".join(each.body for each in lists if each.body is not None)
    return Response(b'{"items":[' + content + b"]}", media_type="application/json")


async def read_lists(
    request: Request,
    user_ids: list[int],
    filters: ListFilters,
    *,
    is_explained: bool,
    is_fresh: bool = False,
) -> list[UserList]:
    """Return the lists of some users. Raises a 503 where no publication is live, a 422 where more
    is asked for than the publication is deep.
    """
    database: Database = request.app.state.database
    lists = await database.rows(
        UserList,
        "serving_lists",
        "lists",
        user_ids=user_ids,
        explain=is_explained,
        is_fresh=is_fresh,
        **filters.params,
    )
    if not lists:
        raise Problem(503, "no publication is live yet: a week has to run first")
    depth = lists[0].depth
    if filters.n + filters.offset > depth:
        raise Problem(
            422,
            f"n + offset is {filters.n + filters.offset}; expected at most {depth}, the depth of "
            "the live publication",
            depth=depth,
        )
    return lists
