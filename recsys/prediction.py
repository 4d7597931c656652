"""What a user would give a movie: one of the catalogue, or one that no drop has, by its
description alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_value, find_value
from recsys.errors import LedgerError, RecsysError
from recsys.features.catalogue import Catalogue, Description
from recsys.features.interactions import Interactions, index_of
from recsys.models import MODELS, model_class
from recsys.models.described import PredictsDescribed
from recsys.registry.patience import brief
from recsys.registry.store import Registry

__all__ = [
    "MovieStars",
    "StarsModel",
    "TitledStars",
    "check_genres",
    "newest_model",
    "person_named",
    "persons_named",
    "predict_movie",
    "predict_stars",
]


@runtime_checkable
class Rater(Protocol):
    """A recipe that predicts ratings, by descriptions too. It has learned its users, so that it
    needs no history of them.
    """

    user_ids_: np.ndarray
    movie_ids_: np.ndarray

    @property
    def genres(self) -> list[str]: ...
    def predict(
        self, users: np.ndarray, movies: np.ndarray, histories: Interactions
    ) -> np.ndarray: ...
    def predict_described(self, users: np.ndarray, movies: Catalogue) -> np.ndarray: ...


@dataclass(frozen=True)
class MovieStars:
    """The stars that a user would give a movie. Not learned: the movie was not among those that the
    model learned about, and they are what the user gives on average.
    """

    movie_id: int
    stars: float
    is_learned: bool


@dataclass(frozen=True)
class TitledStars:
    """The stars that a user would give a movie of a title."""

    title: str
    stars: MovieStars

    @property
    def sentence(self) -> str:
        """Return both as the end of a sentence."""
        text = f"{self.title!r} {self.stars.stars:.2f} stars"
        if self.stars.is_learned:
            return text
        return f"{text}, as on average: the model has learned nothing of the movie"


@dataclass(frozen=True)
class StarsModel:
    """The newest fit of a recipe that predicts stars, and its MLflow run."""

    run_id: str
    model: Rater

    def check_user(self, user_id: int) -> None:
        """Raise RecsysError for a user whom it has not learned about."""
        if user_id not in self.model.user_ids_:
            raise RecsysError(
                f"user {user_id} has no rating that run {self.run_id} has seen: expected a "
                "user whom it learned about"
            )

    def of_movies(self, user_id: int, movie_ids: Sequence[int]) -> list[MovieStars]:
        """Return the stars that a user would give movies of the catalogue, in their order."""
        self.check_user(user_id)
        movies = np.array(movie_ids, dtype=np.int64)
        users = np.full(len(movies), user_id, dtype=np.int64)
        stars = self.model.predict(users, movies, no_histories(self.model.movie_ids_))
        learned = index_of(self.model.movie_ids_, movies) >= 0
        triples = zip(movie_ids, stars.tolist(), learned.tolist(), strict=True)
        return [MovieStars(*triple) for triple in triples]

    def of_description(self, user_id: int, movie: Description) -> float:
        """Return the stars that a user would give a movie that is described. Raises RecsysError for
        a genre that it does not know.
        """
        self.check_user(user_id)
        check_genres(movie, self.model)
        described = Catalogue.of_descriptions([movie])
        return float(self.model.predict_described(np.array([user_id]), described)[0, 0])


def no_histories(movie_ids: np.ndarray) -> Interactions:
    """Return no rating over some movies."""
    nothing = np.array([], dtype=np.int64)
    return Interactions.of(
        nothing, nothing, nothing.astype(np.float32), nothing, movie_ids=movie_ids
    )


def persons_named(
    conn: Connection, names: Sequence[str], role: Literal["director", "actor"]
) -> tuple[int, ...]:
    """Ids of people as the newest drop names them, in their order. Raises RecsysError for a name
    that nobody has.
    """
    return tuple(person_named(conn, name, role) for name in names)


def predict_stars(conn: Connection, registry: Registry, user_id: int, movie: Description) -> float:
    """Return expected stars of a movie that is described, by the newest fit of a recipe that
    predicts them.

    Raises LedgerError where none was fitted, RecsysError for a user of whom it has seen no rating
    or a genre that it does not know.
    """
    return model_for(conn, registry, user_id).of_description(user_id, movie)


def predict_movie(conn: Connection, registry: Registry, user_id: int, movie_id: int) -> TitledStars:
    """Return expected stars of a movie of the catalogue. Raises RecsysError where there is none of
    that number, and else as `predict_stars` does.
    """
    title = find_value(conn, str, queries("prediction")["title"], {"movie_id": movie_id})
    if title is None:
        raise RecsysError(f"no movie {movie_id}: expected one that a drop brought")
    (stars,) = model_for(conn, registry, user_id).of_movies(user_id, [movie_id])
    return TitledStars(title, stars)


def model_for(conn: Connection, registry: Registry, user_id: int) -> StarsModel:
    """Return the newest model. Raises RecsysError for a user who has been erased since."""
    newest = newest_model(registry)
    if not fetch_value(conn, bool, queries("prediction")["has_rated"], {"user_id": user_id}):
        raise RecsysError(
            f"user {user_id} has no rating that run {newest.run_id} has seen: expected a "
            "user whom it learned about"
        )
    return newest


def check_genres(movie: Description, model: Rater) -> None:
    """Raise an error that lists the genres there are, for one that there is not."""
    unknown = sorted(set(movie.genres) - set(model.genres))
    if unknown:
        raise RecsysError(
            f"no genre {', '.join(unknown)}: expected some of {', '.join(model.genres)}"
        )


def newest_model(registry: Registry, loaded: StarsModel | None = None) -> StarsModel:
    """Return the newest fit of the first recipe of MODELS that predicts stars by descriptions and
    was fitted; `loaded` itself where it is still the newest. Raises LedgerError without one.
    """
    names = [name for name in MODELS if issubclass(model_class(name), PredictsDescribed)]
    with brief():
        for name in names:
            run_id = registry.newest_fit(name)
            if loaded is not None and run_id == loaded.run_id:
                return loaded
            model = registry.load(run_id) if run_id else None
            if run_id and isinstance(model, Rater):
                return StarsModel(run_id, model)
    raise LedgerError(
        f"MLflow has no fit of recipe {' or '.join(names)} with its model: expected one of a week "
        f"that it was evaluated in; make one with `python -m recsys train {names[0]}` (MLflow: "
        f"{registry.uri})"
    )


def person_named(conn: Connection, name: str, role: str) -> int:
    """Return the id of a director or actor of that name."""
    params = {"name": name, "role": role}
    person_id = find_value(conn, int, queries("prediction")["person_named"], params)
    if person_id is None:
        raise RecsysError(
            f"{role} {name!r}: nobody of that name in the drops; expected one as IMDb writes it"
        )
    return person_id
