"""A fitted recipe that is asked by users' ids or by ratings, and answers with titles."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from recsys.errors import ModelError
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.models import model_class
from recsys.models.base import Compute, Recommender, Report, silent
from recsys.models.explanation import Explanation, Kind
from recsys.notebook.data import Dataset
from recsys.recipe import Recipe

#: A user of the data set by id, or anybody by ratings: movie id → stars.
User = int | Mapping[int, float]


class Reason(NamedTuple):
    """One of the user's own ratings, and what it adds to the score of a recommended movie."""

    movie_id: int
    title: str
    contribution: float


class Recommendation(NamedTuple):
    """A place of a list. `kind` says what the reasons are: exact parts of the score, what the score
    loses without the rating, or none, where the list follows a rule.
    """

    rank: int
    movie_id: int
    title: str
    score: float
    kind: Kind
    reasons: tuple[Reason, ...]


class SimilarMovie(NamedTuple):
    """A movie that the model has learned to be near another one."""

    movie_id: int
    title: str
    score: float


class Model:
    """A fitted `recommender`, with the `data` that users and titles are looked up in."""

    def __init__(self, recommender: Recommender, data: Dataset) -> None:
        self.recommender = recommender
        self.data = data

    def recommend(self, user: User, n: int = 10, *, k: int = 3) -> list[Recommendation]:
        """Return the n best movies that the user has not rated, with up to k reasons each.

        Empty for someone of whom the model knows nothing. Raises ModelError for a user who is not
        in the data, or ratings of movies that are not.
        """
        history = self.history_of(user)
        lists = self.recommender.explained_top_n(history, n, n, None)
        positions, scores, explanation = lists
        reasons = self._reasons(explanation, k)
        listed = positions[0][positions[0] >= 0].tolist()
        return [
            Recommendation(place + 1, *self._movie(movie), score, explanation.kind, reasons[place])
            for place, (movie, score) in enumerate(zip(listed, scores[0].tolist(), strict=False))
        ]

    def explain(self, user: User, movie_id: int, *, k: int = 3) -> tuple[Reason, ...]:
        """Return the user's k ratings that speak most for a movie, listed or not; none where the
        recipe follows a rule.
        """
        movies = np.array([[self.data.position(movie_id)]])
        explanation = self.recommender.explain(self.history_of(user), movies)
        return self._reasons(explanation, k)[0]

    def similar(self, movie_id: int, n: int = 10) -> list[SimilarMovie]:
        """Return the n nearest movies, nearest first; none of a recipe that compares no movies."""
        place = self.data.position(movie_id)
        lists = self.recommender.similar(n)
        if lists is None:
            return []
        nearest = zip(lists.ids[place].tolist(), lists.scores[place].tolist(), strict=True)
        return [
            SimilarMovie(other, self.data.title(other), score)
            for other, score in nearest
            if other >= 0
        ]

    def history_of(self, user: User) -> Histories:
        """Return what one user has rated, as models take it."""
        if isinstance(user, Mapping):
            return history_of_ratings(user, self.data)
        ratings = self.data.ratings
        if user not in ratings.user_ids:
            raise ModelError(
                f"no user {user} among the {len(ratings.user_ids):,} of the data: expected one of "
                "data.ratings.user_ids, or the user's ratings as {movie id: stars}"
            )
        return ratings.histories_of(np.array([user]))

    def save(self, folder: Path | str) -> None:
        """Write the fitted model, readable without pickle; the data is not part of it."""
        self.recommender.save(Path(folder))

    @classmethod
    def load(cls, recipe: Recipe, folder: Path | str, data: Dataset) -> Self:
        """Read what `save` wrote. Raises ModelError for another recipe, or other movies' data."""
        recommender = model_class(recipe.name).load(Path(folder))
        if not np.array_equal(recommender.movie_ids_, data.catalogue.movie_ids):
            raise ModelError(
                f"the model in {folder} knows {len(recommender.movie_ids_):,} movies and the data "
                f"has {len(data.catalogue):,}: expected those that it was fitted on"
            )
        return cls(recommender, data)

    def _movie(self, position: int) -> tuple[int, str]:
        catalogue = self.data.catalogue
        return int(catalogue.movie_ids[position]), catalogue.titles[position]

    def _reasons(self, explanation: Explanation, k: int) -> list[tuple[Reason, ...]]:
        """Return the reasons for each movie of the one user that is explained."""
        strongest = explanation.strongest(k)
        pairs = zip(strongest.movies[0].tolist(), strongest.contributions[0].tolist(), strict=True)
        return [
            tuple(
                Reason(*self._movie(movie), value)
                for movie, value in zip(movies, values, strict=True)
                if movie >= 0
            )
            for movies, values in pairs
        ]


def history_of_ratings(stars: Mapping[int, float], data: Dataset) -> Histories:
    """Return the history of someone who gave these stars just now: when the newest rating of the
    data was given.
    """
    for movie_id in stars:
        data.position(movie_id)
    movies = np.fromiter(stars, dtype=np.int64, count=len(stars))
    given = np.fromiter(stars.values(), dtype=np.float32, count=len(stars))
    rated_at = np.full(len(stars), data.ratings.newest, dtype=np.int64)
    user = np.ones(len(stars), dtype=np.int64)
    ratings = Interactions.of(user, movies, given, rated_at, movie_ids=data.ratings.movie_ids)
    return ratings.histories_of(np.array([1]))


def fit(
    recipe: Recipe, data: Dataset, *, compute: Compute | None = None, report: Report = silent
) -> Model:
    """Fit a recipe on all ratings of the data. Same data, recipe and seed, same model.

    `compute`: seed, threads and device; `report` is called with metrics as a long fit goes on.
    """
    kind = model_class(recipe.name)
    recommender = kind(kind.Config(**dict(recipe.settings)), compute)
    return Model(recommender.fit(data.train, data.catalogue, report=report), data)
