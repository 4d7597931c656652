"""Sit one model down to an exam: lists from the whole catalogue, never from sampled negatives, marked per user."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recsys.errors import ModelError
from recsys.evaluation.marking import mark
from recsys.evaluation.metrics import COVERAGE, DECIDING, RANKING, RMSE
from recsys.evaluation.metrics.coverage import coverage
from recsys.evaluation.metrics.rmse import rmse
from recsys.evaluation.split import Exam
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import PredictsRatings, Recommender

#: As long as the longest ranking metric needs.
LIST_LENGTH = max(k for _, k in RANKING.values())
COVERAGE_LENGTH = 10
#: Ratings predicted at once.
PREDICT_BLOCK = 65_536


@dataclass(frozen=True)
class ExamResult:
    """`ndcg` (D,) float32 of the deciding `user_ids` (D,), and the exam's table as rows (slice, metric, value, n).

    n is what the value is a mean over: users for ranking metrics, movies for coverage, ratings for RMSE. A row that would be a
    mean over nothing is not there, so every value is a finite float.
    """

    user_ids: np.ndarray
    ndcg: np.ndarray
    values: list[tuple[str, str, float, int]]


@dataclass(frozen=True)
class _Slice:
    """Who is looked at, and which held-out ratings count."""

    name: str
    users: np.ndarray  # ids
    counts: np.ndarray  # (held-out rows,) bool
    movies: np.ndarray  # ids that coverage is a share of


def examine(model: Recommender, exam: Exam, *, like_threshold: float, min_history: int) -> ExamResult:
    """Ask `model` for lists from the catalogue less what each user had already rated; a movie liked in `held_out` is relevant.

    A user to whom the model gives no list scores 0. Slices: "all" is the users that decide; "cold users" everyone who liked a
    held-out movie and has fewer than `min_history` known ratings, those with none included; "new movies" the users that decide,
    with only movies without any known rating as relevant. Raises ModelError for a model of another catalogue.
    """
    if not np.array_equal(model.movie_ids_, exam.known.movie_ids):
        of_model, of_exam = len(model.movie_ids_), len(exam.known.movie_ids)
        raise ModelError(f"{model.name} knows {of_model:,} movies and the exam has {of_exam:,}: expected the same ones")
    liked = exam.held_out.ratings >= like_threshold
    asked = np.unique(exam.held_out.user_ids[exam.held_out.users[liked]])
    lists = model.recommend(asked, n=LIST_LENGTH, seen=exam.known.seen_by(asked)).ids
    predicted = _predict(model, exam.held_out) if isinstance(model, PredictsRatings) else None
    values = []
    for part in _slices(exam, asked, min_history):
        values += _ranking_rows(part, exam.held_out, liked, asked, lists)
        values += _coverage_row(part, asked, lists)
        values += _rmse_row(part, exam.held_out, predicted)
    return ExamResult(user_ids=exam.users, ndcg=_deciding_ndcg(exam, liked, asked, lists), values=values)


def _slices(exam: Exam, asked: np.ndarray, min_history: int) -> Iterator[_Slice]:
    known, held_out = exam.known, exam.held_out
    n_known = np.append(np.bincount(known.users, minlength=len(known.user_ids)), 0)  # the last for users without any: index −1
    cold = n_known[index_of(known.user_ids, held_out.user_ids)] < min_history
    cold_users = asked[cold[index_of(held_out.user_ids, asked)]]
    new = np.bincount(known.movies, minlength=len(known.movie_ids)) == 0
    yield _Slice("all", exam.users, np.ones(len(held_out), dtype=bool), known.movie_ids)
    yield _Slice("cold users", cold_users, cold[held_out.users], known.movie_ids)
    yield _Slice("new movies", exam.users, new[held_out.movies], known.movie_ids[new])


def _deciding_ndcg(exam: Exam, liked: np.ndarray, asked: np.ndarray, lists: np.ndarray) -> np.ndarray:
    metric, k = RANKING[DECIDING]
    hits, n_relevant = mark(lists, asked, exam.held_out, liked)
    rows = index_of(asked, exam.users)
    return metric(hits[rows, :k], n_relevant[rows]).astype(np.float32)


def _ranking_rows(part: _Slice, held_out: Interactions, liked: np.ndarray, asked: np.ndarray, lists: np.ndarray) -> list:
    hits, n_relevant = mark(lists[index_of(asked, part.users)], part.users, held_out, liked & part.counts)
    has_any = n_relevant > 0
    hits, n_relevant = hits[has_any], n_relevant[has_any]
    if not len(hits):
        return []
    means = {name: metric(hits[:, :k], n_relevant).mean() for name, (metric, k) in RANKING.items()}
    return [(part.name, name, float(mean), len(hits)) for name, mean in means.items()]


def _coverage_row(part: _Slice, asked: np.ndarray, lists: np.ndarray) -> list:
    if not len(part.movies) or not len(part.users):
        return []
    share = coverage(lists[index_of(asked, part.users), :COVERAGE_LENGTH], part.movies)
    return [(part.name, COVERAGE, share, len(part.movies))]


def _rmse_row(part: _Slice, held_out: Interactions, predicted: np.ndarray | None) -> list:
    if predicted is None or not part.counts.any():
        return []
    error = rmse(predicted[part.counts], held_out.ratings[part.counts])
    return [(part.name, RMSE, error, int(part.counts.sum()))]


def _predict(model: PredictsRatings, held_out: Interactions) -> np.ndarray:
    """(R,) predicted stars of the held-out ratings, a block at a time."""
    predicted = np.empty(len(held_out), dtype=np.float32)
    for start in range(0, len(held_out), PREDICT_BLOCK):
        rows = slice(start, start + PREDICT_BLOCK)
        predicted[rows] = model.predict(held_out.user_ids[held_out.users[rows]], held_out.movie_ids[held_out.movies[rows]])
    return predicted
