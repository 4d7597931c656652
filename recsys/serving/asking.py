"""A question to the champion: a history in, a list with reasons out. It only computes."""

from dataclasses import dataclass

import numpy as np

from recsys.features.histories import Histories
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Recommender

__all__ = ["ModelList", "Question", "ask", "explain"]

#: The likes that a reason cites at most.
CITED = 3


@dataclass(frozen=True)
class Question:
    """What one person has rated (ids, stars, epoch seconds), and what the list may hold.

    `offered`: the ids that a filter admits; None: all.
    """

    movie_ids: list[int]
    ratings: list[float]
    rated_at: list[int]
    n: int
    left_out: list[int]
    offered: list[int] | None
    is_explained: bool


@dataclass(frozen=True)
class ModelList:
    """A list, best first. `cited` and `contributions` have three places for each of its movies,
    None where there are fewer.
    """

    movie_ids: list[int]
    scores: list[float]
    kind: str
    cited: list[int | None]
    contributions: list[float | None]

    @property
    def reason_params(self) -> dict[str, object]:
        """Return what the queries that write reasons take of it."""
        names = ("movie_ids", "kind", "cited", "contributions")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def empty(cls) -> "ModelList":
        """Return the list of a history that the model is not asked about."""
        return cls([], [], "rule", [], [])


def ask(question: Question, model: Recommender) -> ModelList:
    """Return what a model recommends: the same list as the batch makes of this history."""
    histories = history_of(question, model)
    users = np.zeros(1, dtype=np.int64)
    best = model.recommend(
        users, n=question.n, histories=histories, offered=offered_by(question, model)
    )
    ids = best.ids[0][best.ids[0] >= 0]
    scores = best.scores[0][: len(ids)].tolist()
    if not question.is_explained or not len(ids):
        return ModelList(ids.tolist(), scores, "rule", [], [])
    positions = index_of(model.movie_ids_, ids)[None, :]
    return explained(model, histories.histories_of(users), positions, scores)


def explain(question: Question, movie_ids: list[int], model: Recommender) -> ModelList:
    """Return the reasons of movies that a model has in the list of a history. Scores are left
    out.
    """
    histories = history_of(question, model).histories_of(np.zeros(1, dtype=np.int64))
    positions = index_of(model.movie_ids_, np.array(movie_ids, dtype=np.int64))
    is_there = positions >= 0
    return explained(model, histories, positions[is_there][None, :], [])


def explained(
    model: Recommender, history: Histories, positions: np.ndarray, scores: list[float]
) -> ModelList:
    """Return a list (1, n) with what each movie's score owes to the likes."""
    explanation = model.explain(history, positions)
    strongest = explanation.strongest(CITED)
    is_cited = strongest.movies[0].ravel() >= 0
    cited = model.movie_ids_[strongest.movies[0].ravel()]
    return ModelList(
        movie_ids=model.movie_ids_[positions[0]].tolist(),
        scores=scores,
        kind=explanation.kind,
        cited=values_or_none(cited, is_cited),
        contributions=values_or_none(strongest.contributions[0].ravel(), is_cited),
    )


def values_or_none(values: np.ndarray, is_there: np.ndarray) -> list:
    """Return the values as Python's own, None where they are not there."""
    pairs = zip(values.tolist(), is_there.tolist(), strict=True)
    return [value if there else None for value, there in pairs]


def history_of(question: Question, model: Recommender) -> Interactions:
    """Return the ratings as those of user 0, over the model's movies."""
    movies = np.array(question.movie_ids, dtype=np.int64)
    return Interactions.of(
        np.zeros(len(movies), dtype=np.int64),
        movies,
        np.array(question.ratings, dtype=np.float32),
        np.array(question.rated_at, dtype=np.int64),
        movie_ids=model.movie_ids_,
    )


def offered_by(question: Question, model: Recommender) -> np.ndarray:
    """Return (M,) bool: what the list may hold."""
    left_out = np.array(question.left_out, dtype=np.int64)
    offered = ~np.isin(model.movie_ids_, left_out)
    if question.offered is not None:
        offered &= np.isin(model.movie_ids_, np.array(question.offered, dtype=np.int64))
    return offered
