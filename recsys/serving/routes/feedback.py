"""What people do with lists: their ratings, and what an app showed of a list. Written at once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from recsys.serving.answers import database_of, json_answer
from recsys.serving.keys import Caller, needs
from recsys.serving.parameters import Number, Text
from recsys.serving.problems import Problem

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["feedback"])

MOST_ENTRIES = 1_000

Writer: TypeAlias = Annotated[Caller, Depends(needs("write"))]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="the same key and body again get the same answer for a week, and write nothing",
    ),
]


class Entry(BaseModel):
    """A fact about a user and a movie, as of now: the server says when."""

    model_config = ConfigDict(strict=True, extra="forbid")

    movie_id: Number


class Rating(Entry):
    """A rating in half stars. Without a `user_id` where it is of a new user."""

    user_id: Number | None = None
    rating: Annotated[float, Field(ge=0.5, le=5, multiple_of=0.5)]


class Event(Entry):
    """What became of a movie; with the `recommendation_id` of the list that it was in, if any."""

    user_id: Number
    kind: Literal["shown", "opened", "dismissed"]
    recommendation_id: Text | None = None


class Accepted(BaseModel):
    """What was written, and when. `user_id` is a new user's."""

    accepted: int
    received_at: datetime
    user_id: int | None = None


def one_or_many(value: object) -> str:
    """Return which of the two a body is."""
    return "many" if isinstance(value, list) else "one"


Ratings: TypeAlias = Annotated[
    Annotated[Rating, Tag("one")]
    | Annotated[list[Rating], Field(min_length=1, max_length=MOST_ENTRIES), Tag("many")],
    Discriminator(one_or_many),
    Body(description="one rating, or up to 1,000"),
]
Events: TypeAlias = Annotated[
    Annotated[Event, Tag("one")]
    | Annotated[list[Event], Field(min_length=1, max_length=MOST_ENTRIES), Tag("many")],
    Discriminator(one_or_many),
    Body(description="one event, or up to 1,000"),
]
ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"model": Accepted},
    409: {"description": "the Idempotency-Key came with another body before"},
}


@router.post("/ratings", summary="Rate movies", status_code=201, responses=ANSWERS)
async def record_ratings(
    request: Request,
    caller: Writer,
    body: Ratings,
    idempotency_key: IdempotencyKey = None,
    new_user: Annotated[
        bool, Query(description="the ratings are of a new user, whose number is in the answer")
    ] = False,
) -> Response:
    """Store ratings as of now: all of them, or none. Lists leave the movies out at once, and the
    next week learns from them. To import old ratings, make a drop.
    """
    entries = body if isinstance(body, list) else [body]
    check_users(caller, entries, new_user=new_user)
    answer = await database_of(request).value(
        str,
        "serving_feedback",
        "record_ratings",
        api_key_id=str(caller.key_id),
        idempotency_key=idempotency_key,
        entries=as_json(entries),
        for_new_user=new_user,
    )
    return answer_of(answer)


@router.post("/events", summary="Say what became of a list", status_code=201, responses=ANSWERS)
async def record_events(
    request: Request, caller: Writer, body: Events, idempotency_key: IdempotencyKey = None
) -> Response:
    """Store that movies were shown, opened or dismissed, as of now: all of it, or nothing. Lists
    leave out at once what was dismissed.
    """
    entries = body if isinstance(body, list) else [body]
    check_users(caller, entries)
    answer = await database_of(request).value(
        str,
        "serving_feedback",
        "record_events",
        api_key_id=str(caller.key_id),
        idempotency_key=idempotency_key,
        entries=as_json(entries),
    )
    return answer_of(answer)


def check_users(
    caller: Caller, entries: Sequence[Rating | Event], *, new_user: bool = False
) -> None:
    """Raise a 403 where the key is for another user than an entry."""
    if new_user:
        caller.check_all_users()
    for entry in entries:
        if entry.user_id is not None:
            caller.check_user(entry.user_id)


def as_json(entries: Sequence[Entry]) -> str:
    """Return entries as the database reads them."""
    return json.dumps([entry.model_dump(exclude_none=True) for entry in entries])


def answer_of(text: str | None) -> Response:
    """Return the database's answer. Raises a problem where nothing was written."""
    answer = json.loads(text or "{}")
    status = answer.pop("status")
    if status == 409:
        raise Problem(409, answer["detail"])
    if status == 422:
        errors = [
            {"where": f"body.{each['index']}.{each['field']}", "message": each["reason"]}
            for each in answer["errors"][:20]
        ]
        raise Problem(422, "nothing was written: see errors", errors=errors)
    return json_answer(json.dumps(answer), status)
