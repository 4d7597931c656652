"""A user as a whole: export and erasure, by the same functions as the command line's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from recsys.serving.answers import json_answer
from recsys.serving.keys import Caller, needs
from recsys.serving.operations import operate
from recsys.serving.parameters import UserId
from recsys.settings import Settings

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["admin"])
Admin: TypeAlias = Annotated[Caller, Depends(needs("admin"))]


class Erased(BaseModel):
    """What an erasure deleted, and what still holds the user."""

    user_id: int
    deleted: dict[str, int]
    still_held: list[str]


@dataclass(frozen=True)
class Erasure:
    """An erasure as it was asked for."""

    user_id: int
    now: bool
    bar: bool
    caller: Caller

    def run(self, settings: Settings) -> Erased:
        """Erase the user; return what went and what stays."""
        # the removal imports models, which serving lists needs none of
        from recsys.db.connect import connect
        from recsys.removal import Requester, erase_user
        from recsys.removal.person import find_person

        with connect(settings) as conn:
            person = find_person(conn, self.user_id)
        name = f"API key {self.caller.key_id}"
        requester = Requester(name, f"{name}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}")
        counts = erase_user(settings, self.user_id, now=self.now, bar=self.bar, requester=requester)
        lines = [line.removeprefix("- ") for line in person.what_stays.splitlines()]
        return Erased(user_id=self.user_id, deleted=counts, still_held=lines)


@router.get(
    "/{user_id}/export",
    summary="Everything of a user",
    responses={
        200: {"description": "a JSON document", "content": {"application/json": {}}},
        404: {"description": "there is nothing of the user"},
    },
)
async def export(request: Request, caller: Admin, user_id: UserId) -> Response:
    """Return all that is kept of a user as one document: ratings, tags, what came through the API,
    lists with reasons, scores in exams. The same as `recsys export USER`.
    """
    from recsys.removal.export import export_user

    caller.check_user(user_id)
    text = await operate(request.app.state.settings, lambda own: export_user(own, user_id))
    answer = json_answer(text)
    answer.headers["Content-Disposition"] = f'attachment; filename="user-{user_id}.json"'
    return answer


@router.delete(
    "/{user_id}",
    summary="Erase a user",
    responses={
        404: {"description": "there is nothing of the user; `bar=true` sets the tombstone anyway"},
        409: {"description": "something in the ledger is in the way"},
    },
)
async def erase(
    request: Request,
    caller: Admin,
    user_id: UserId,
    now: Annotated[
        bool, Query(description="also make a copy of the live publication without them live")
    ] = False,
    bar: Annotated[
        bool, Query(description="set the tombstone also where there is no such user yet")
    ] = False,
) -> Erased:
    """Erase a user for good, and keep a tombstone so that no drop brings them back. The same as
    `recsys erase USER`; it may be repeated. It takes as long as the views take to be made anew.
    """
    caller.check_user(user_id)
    erasure = Erasure(user_id, now=now, bar=bar, caller=caller)
    return await operate(request.app.state.settings, erasure.run)
