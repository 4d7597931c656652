"""Movies: one by its number, those like it, and search by words of titles and people's names."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from recsys.serving.answers import database_of, json_answer, json_or_404
from recsys.serving.keys import needs
from recsys.serving.parameters import Length, MovieId, Offset, Text

__all__ = ["router"]

router = APIRouter(prefix="/v1/movies", tags=["movies"], dependencies=[Depends(needs("read"))])

NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"description": "there is no such movie"}}


class Imdb(BaseModel):
    """What IMDb says of a movie."""

    id: str
    rating: float | None
    votes: int | None


class ListedMovie(BaseModel):
    """A movie in a list."""

    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    actors: list[str]
    withdrawn_at: datetime | None


class Movie(ListedMovie):
    """A movie with all that is known of it."""

    runtime_minutes: int | None
    imdb: Imdb | None


class MovieHit(ListedMovie):
    """A movie that a search led to; `score` is 1 where every word of the title is met."""

    score: float


class MovieHits(BaseModel):
    """Movies that a search led to, the best first; `total` counts those of other pages too."""

    q: str
    total: int
    items: list[MovieHit]


class Shared(BaseModel):
    """What two movies have in common. `raters`: how many users had rated both; null in a
    publication that is older than this count.
    """

    directors: list[str]
    actors: list[str]
    genres: list[str]
    raters: int | None


class NearMovie(BaseModel):
    """A movie that is near another. `score` is comparable for one movie only."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float
    shared: Shared


class NearMovies(BaseModel):
    """The movies nearest to one. `basis` model: who liked the one liked the other, by the model
    whose lists are live; content: words of the title, genres and people; null: none are known.
    """

    movie_id: int
    title: str
    publication: int | None
    as_of: date | None
    basis: Literal["model", "content"] | None
    total: int
    items: list[NearMovie]


@router.get("", summary="Search movies", responses={200: {"model": MovieHits}})
async def search_movies(
    request: Request,
    q: Annotated[Text, Query(description="words of the title, or of a person's name")],
    n: Length = 10,
    offset: Offset = 0,
) -> Response:
    """Find movies by words of titles and of the names of directors and actors. Order, accents and
    punctuation do not matter, a word may be unfinished or have a slip of the keyboard; the first
    eight words count. Withdrawn movies are there, and say so.
    """
    hits = await database_of(request).value(
        str, "serving_movies", "search", q=q, n=n, offset=offset
    )
    return json_answer(str(hits))


@router.get("/{movie_id}", summary="One movie", responses={200: {"model": Movie}, **NOT_THERE})
async def get_movie(request: Request, movie_id: MovieId) -> Response:
    """Return a movie with its people and what IMDb says of it."""
    movie = await database_of(request).value(str, "serving_movies", "movie", movie_id=movie_id)
    return json_or_404(movie, f"no movie {movie_id}: expected one that a drop brought")


@router.get(
    "/{movie_id}/similar",
    summary="Similar movies",
    responses={200: {"model": NearMovies}, **NOT_THERE},
)
async def get_similar(
    request: Request, movie_id: MovieId, n: Length = 10, offset: Offset = 0
) -> Response:
    """Return up to 50 movies that are nearest to one, as the live publication has them, each with
    the people and genres that the two share, and how many users rated both. Withdrawn movies are
    left out.
    """
    near = await database_of(request).value(
        str, "serving_movies", "similar", movie_id=movie_id, n=n, offset=offset
    )
    return json_or_404(near, f"no movie {movie_id}: expected one that a drop brought")
