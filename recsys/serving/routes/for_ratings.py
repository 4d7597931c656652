"""Lists for a history that the request brings: no user is needed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from recsys.serving.filters import Id, ListFilters
from recsys.serving.fresh import Fresh, History, ListRequest
from recsys.serving.keys import Caller, needs
from recsys.serving.parameters import Day
from recsys.serving.problems import Problem

__all__ = ["router"]

router = APIRouter(tags=["recommendations"])

#: Ratings of one request: more than all but a handful of MovieLens' users have.
MOST_RATINGS = 10_000
#: Movies of a list that is made on request.
MOST_MOVIES = 1_000


class GivenRating(BaseModel):
    """A rating, in half stars."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    movie_id: Id
    rating: Annotated[float, Field(ge=0.5, le=5, multiple_of=0.5)]
    rated_at: Annotated[AwareDatetime | None, Field(description="default: now")] = None


class ForRatings(ListFilters):
    """A history, and what list is asked for it."""

    ratings: Annotated[list[GivenRating], Field(min_length=1, max_length=MOST_RATINGS)]
    as_of: Annotated[
        Day | None, Field(description="the week whose champion is asked; default: the live one's")
    ] = None
    explain: Annotated[bool, Field(description="whether items have reasons")] = True
    fold_in: Annotated[bool, Field(description="ask the model however few the ratings are")] = False


def history_of(ratings: list[GivenRating]) -> History:
    """Return the newest rating of each movie, of two at once the later in the request."""
    now = datetime.now(UTC)
    newest: dict[int, tuple[datetime, float]] = {}
    for given in ratings:
        moment = given.rated_at or now
        before = newest.get(given.movie_id)
        if before is None or moment >= before[0]:
            newest[given.movie_id] = (moment, given.rating)
    return History(
        movie_ids=list(newest),
        ratings=[rating for _, rating in newest.values()],
        rated_at=[int(moment.timestamp() // 1) for moment, _ in newest.values()],
    )


@router.post(
    "/v1/recommendations:for-ratings",
    summary="A list for a history",
    responses={404: {"description": "no lists were published for that week"}},
)
async def for_ratings(
    request: Request, body: ForRatings, _caller: Annotated[Caller, Depends(needs("predict"))]
) -> Response:
    """Ask the champion with a history: the same movies, ranks and scores as the publication has of
    the model for a user of this history with its times.

    With fewer ratings than the week's min_history the list is the fallback's, unless `fold_in`.
    """
    if body.n + body.offset > MOST_MOVIES:
        raise Problem(
            422,
            f"n + offset is {body.n + body.offset}; expected at most {MOST_MOVIES}",
            depth=MOST_MOVIES,
        )
    wish = ListRequest(body, is_explained=body.explain, as_of=body.as_of, fold_in=body.fold_in)
    fresh: Fresh = request.app.state.fresh
    answer = await fresh.answer(history_of(body.ratings), wish)
    return Response(answer, media_type="application/json")
