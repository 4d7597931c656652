"""The stars that a user would give movies: some of the catalogue, or one that is described."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from recsys.serving.answers import database_of
from recsys.serving.keys import Caller, needs
from recsys.serving.parameters import Number, Text
from recsys.serving.predictor import Predictor
from recsys.serving.problems import Problem

if TYPE_CHECKING:
    from recsys.features.catalogue import Description
    from recsys.prediction import StarsModel

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["predictions"])
Asker: TypeAlias = Annotated[Caller, Depends(needs("predict"))]
Names: TypeAlias = Annotated[list[Text], Field(max_length=50)]


class DescribedMovie(BaseModel):
    """A movie that no drop has, described; people as IMDb writes their names."""

    model_config = ConfigDict(extra="forbid")

    title: Text
    genres: Names = []
    directors: Names = []
    actors: Names = []
    runtime_minutes: Annotated[float | None, Field(ge=1, le=100_000)] = None
    year: Annotated[int | None, Field(ge=1870, le=2100)] = None


class PredictionRequest(BaseModel):
    """Whose stars, and of what: `movie_ids`, or one `movie` that is described, or both."""

    model_config = ConfigDict(extra="forbid")

    user_id: Number
    movie_ids: Annotated[list[Number], Field(max_length=1_000)] = []
    movie: DescribedMovie | None = None

    @model_validator(mode="after")
    def names_something(self) -> Self:
        """Refuse a request for nothing."""
        if not self.movie_ids and self.movie is None:
            raise ValueError("expected movie_ids, or a movie that is described")
        return self


class PredictedMovie(BaseModel):
    """A movie with the stars that the user would give it, 0.5 to 5. Not learned: the model has
    learned nothing of the movie, and the stars are the user's average. Of a described movie
    `movie_id` is null, and it says nothing about whether it was learned.
    """

    movie_id: int | None
    title: str
    stars: float
    is_learned: bool | None


class Predictions(BaseModel):
    """The movies in the order of the request, the described one last; and the fit that predicts."""

    user_id: int
    run_id: str
    items: list[PredictedMovie]


@dataclass(frozen=True)
class Title:
    """A movie's title."""

    movie_id: int
    title: str


@dataclass(frozen=True)
class People:
    """The numbers of people by their names; None for a name that nobody has."""

    directors: list[int | None]
    actors: list[int | None]


@dataclass(frozen=True)
class Question:
    """What a model is asked, with titles and people looked up."""

    user_id: int
    titles: list[Title]
    description: "Description | None"

    def ask(self, model: "StarsModel") -> Predictions:
        """Return the model's answer. Raises RecsysError for a user of whom it has seen nothing, or
        a genre that it does not know.
        """
        stars = model.of_movies(self.user_id, [each.movie_id for each in self.titles])
        items = [
            PredictedMovie(
                movie_id=title.movie_id,
                title=title.title,
                stars=each.stars,
                is_learned=each.is_learned,
            )
            for title, each in zip(self.titles, stars, strict=True)
        ]
        if self.description is not None:
            described = PredictedMovie(
                movie_id=None,
                title=self.description.title,
                stars=model.of_description(self.user_id, self.description),
                is_learned=None,
            )
            items.append(described)
        return Predictions(user_id=self.user_id, run_id=model.run_id, items=items)


@router.post(
    "/predictions",
    summary="Predict stars",
    responses={404: {"description": "there is no such movie, or the user has rated nothing"}},
)
async def predict(request: Request, caller: Asker, body: PredictionRequest) -> Predictions:
    """Return the stars that a user would give movies, by the newest fit of a recipe that predicts
    them. The same as `recsys predict`.
    """
    caller.check_user(body.user_id)
    database = database_of(request)
    topic = "serving_predictions"
    if not await database.value(bool, topic, "has_rated", user_id=body.user_id):
        raise Problem(404, f"user {body.user_id} has rated nothing: expected one who has")
    question = Question(
        body.user_id,
        titles=await titles_of(request, body.movie_ids),
        description=await description_of(request, body.movie) if body.movie else None,
    )
    predictor: Predictor = request.app.state.predictor
    return await predictor.ask(question.ask)


async def titles_of(request: Request, movie_ids: list[int]) -> list[Title]:
    """Return movies with their titles, in their order. Raises a 404 that names those which are not
    there.
    """
    rows = await database_of(request).rows(
        Title, "serving_predictions", "titles", movie_ids=movie_ids
    )
    titles = {row.movie_id: row for row in rows}
    missing = [movie_id for movie_id in dict.fromkeys(movie_ids) if movie_id not in titles]
    if missing:
        raise Problem(404, "some movies are not there: see movie_ids", movie_ids=missing[:20])
    return [titles[movie_id] for movie_id in movie_ids]


async def description_of(request: Request, movie: DescribedMovie) -> "Description":
    """Return a description with people's numbers. Raises a 422 that says which names nobody has."""
    from recsys.features.catalogue import Description

    people = await database_of(request).row(
        People,
        "serving_predictions",
        "people",
        directors=movie.directors,
        actors=movie.actors,
    )
    directors, actors = (people.directors, people.actors) if people else ([], [])
    names = [*movie.directors, *movie.actors]
    unknown = [
        name for name, number in zip(names, [*directors, *actors], strict=True) if not number
    ]
    if unknown:
        raise Problem(422, "nobody has some of the names: see names", names=unknown)
    return Description(
        title=movie.title,
        genres=tuple(movie.genres),
        directors=tuple(number for number in directors if number),
        actors=tuple(number for number in actors if number),
        runtime=movie.runtime_minutes,
        year=movie.year,
    )
