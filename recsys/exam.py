"""Evaluate one model at an exam: lists from the whole catalogue, never from sampled negatives, with
a score for each user.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recsys.errors import ModelError
from recsys.evaluation.hits import hits_of
from recsys.evaluation.lists import Lists
from recsys.evaluation.metrics import DECIDING, ERRORS, EXPOSURE, LISTS, RANKING
from recsys.evaluation.split import Exam
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import PredictsRatings, Recommender

#: As long as the longest metric needs.
LIST_LENGTH = max(k for _, k in (*RANKING.values(), *LISTS.values(), *EXPOSURE.values()))
#: Slice, metric, value, n.
Row = tuple[str, str, float, int]
#: Ratings predicted at once.
PREDICT_BLOCK = 65_536


@dataclass(frozen=True)
class ExamResult:
    """`ndcg` (D,) float32 of the deciding `user_ids` (D,), and the exam's table as rows (slice,
    metric, value, n).

    n is what the value is a mean over: users for metrics of ranking and lists, movies for those of
    exposure, ratings for errors. A row that would be a mean over nothing is not there, so every
    value is a finite float.
    """

    user_ids: np.ndarray
    ndcg: np.ndarray
    values: list[Row]


@dataclass(frozen=True)
class _Slice:
    """Who is looked at, and which held-out ratings and movies count."""

    name: str
    users: np.ndarray  # ids
    counts: np.ndarray  # (held-out rows,) bool
    movies: np.ndarray  # (M,) bool: whose exposure is looked at
    of_movies: bool = False  # the lists are those of another slice, looked at for other movies


@dataclass(frozen=True)
class _Answers:
    """What one model said at an exam: lists of movie `ids` (A, LIST_LENGTH) for the users `asked`
    (A,), and their movies' facts; `hits` (A, LIST_LENGTH), and `n_relevant` (A,) movies that each
    liked; stars `predicted` for each held-out rating, of a model that rates.
    """

    exam: Exam
    liked: np.ndarray
    asked: np.ndarray
    ids: np.ndarray
    hits: np.ndarray
    n_relevant: np.ndarray
    lists: Lists
    predicted: np.ndarray | None


def examine(
    model: Recommender,
    exam: Exam,
    *,
    like_threshold: float,
    min_history: int,
    catalogue: Catalogue | None = None,
) -> ExamResult:
    """Ask `model` for lists from the catalogue less what each user had already rated; a movie liked
    in `held_out` is relevant.

    A user to whom the model gives no list scores 0. The genres of `catalogue`, of the exam's
    movies, tell how diverse lists are; without it that is not told. Raises ModelError for a model
    of another catalogue. Slices:

    - "all": the users that decide.
    - "light users" and "heavy users": those of them with at most, and with more than, their median
      number of known ratings.
    - "cold users": everyone who liked a held-out movie and has fewer than `min_history` known
      ratings, those with none included.
    - "new movies": the users that decide, with only movies without any known rating as relevant.
    """
    if not np.array_equal(model.movie_ids_, exam.known.movie_ids):
        of_model, of_exam = len(model.movie_ids_), len(exam.known.movie_ids)
        raise ModelError(
            f"{model.name} knows {of_model:,} movies and the exam has {of_exam:,}: "
            "expected the same ones"
        )
    answers = _answers(
        model,
        exam,
        exam.held_out.ratings >= like_threshold,
        catalogue.genres.multi_hot() if catalogue else None,
    )
    values: list[Row] = []
    for part in _slices(exam, answers.asked, min_history):
        rows = index_of(answers.asked, part.users)
        values += _ranking_rows(part, answers, rows)
        values += _list_rows(part, answers, rows)
        values += _error_rows(part, answers)
    return ExamResult(user_ids=exam.users, ndcg=_deciding_ndcg(answers), values=values)


def _answers(
    model: Recommender, exam: Exam, liked: np.ndarray, genres: np.ndarray | None
) -> _Answers:
    asked = np.unique(exam.held_out.user_ids[exam.held_out.users[liked]])
    seen = exam.known.seen_by(asked)
    ids = model.recommend(asked, n=LIST_LENGTH, seen=seen).ids
    predicted = (
        _predict(model, exam.held_out)
        if isinstance(model, PredictsRatings) and model.rates
        else None
    )
    hits, n_relevant = hits_of(ids, asked, exam.held_out, liked)
    return _Answers(
        exam,
        liked,
        asked,
        ids,
        hits,
        n_relevant,
        Lists.of(ids, seen, exam.known, genres),
        predicted,
    )


def _slices(exam: Exam, asked: np.ndarray, min_history: int) -> Iterator[_Slice]:
    known, held_out = exam.known, exam.held_out
    n_known = np.append(known.n_rated, 0)  # the last for users without any: index −1
    n_deciding = n_known[index_of(known.user_ids, exam.users)]
    heavy = n_deciding > np.median(n_deciding) if len(exam.users) else np.zeros(0, dtype=bool)
    cold = n_known[index_of(known.user_ids, held_out.user_ids)] < min_history
    new = known.n_raters == 0
    every = np.ones(len(new), dtype=bool)
    yield _Slice("all", exam.users, np.ones(len(held_out), dtype=bool), every)
    for name, users in (("light users", exam.users[~heavy]), ("heavy users", exam.users[heavy])):
        yield _Slice(name, users, np.isin(held_out.user_ids, users)[held_out.users], every)
    cold_users = asked[cold[index_of(held_out.user_ids, asked)]]
    yield _Slice("cold users", cold_users, cold[held_out.users], every)
    yield _Slice("new movies", exam.users, new[held_out.movies], new, of_movies=True)


def _deciding_ndcg(answers: _Answers) -> np.ndarray:
    metric, k = RANKING[DECIDING]
    rows = index_of(answers.asked, answers.exam.users)
    return metric(answers.hits[rows, :k], answers.n_relevant[rows]).astype(np.float32)


def _ranking_rows(part: _Slice, answers: _Answers, rows: np.ndarray) -> list[Row]:
    hits, n_relevant = answers.hits[rows], answers.n_relevant[rows]
    if part.of_movies:
        hits, n_relevant = hits_of(
            answers.ids[rows], part.users, answers.exam.held_out, answers.liked & part.counts
        )
    has_any = n_relevant > 0
    hits, n_relevant = hits[has_any], n_relevant[has_any]
    if not len(hits):
        return []
    means = {name: metric(hits[:, :k], n_relevant).mean() for name, (metric, k) in RANKING.items()}
    return [(part.name, name, float(mean), len(hits)) for name, mean in means.items()]


def _list_rows(part: _Slice, answers: _Answers, rows: np.ndarray) -> list[Row]:
    """What the lists are made of, and what of the slice's movies they show."""
    found: list[Row] = []
    lists = answers.lists.of_users(rows)
    if not part.of_movies:
        found += [
            (part.name, name, *metric(lists.cut_at(k))) for name, (metric, k) in LISTS.items()
        ]
    if len(rows):
        n_movies = int(part.movies.sum())
        found += [
            (part.name, name, metric(lists.cut_at(k).exposure()[part.movies]), n_movies)
            for name, (metric, k) in EXPOSURE.items()
        ]
    return [row for row in found if np.isfinite(row[2])]


def _error_rows(part: _Slice, answers: _Answers) -> list[Row]:
    if answers.predicted is None or not part.counts.any():
        return []
    predicted, actual = answers.predicted[part.counts], answers.exam.held_out.ratings[part.counts]
    return [
        (part.name, name, metric(predicted, actual), len(actual)) for name, metric in ERRORS.items()
    ]


def _predict(model: PredictsRatings, held_out: Interactions) -> np.ndarray:
    """(R,) predicted stars of the held-out ratings, a block at a time."""
    predicted = np.empty(len(held_out), dtype=np.float32)
    for start in range(0, len(held_out), PREDICT_BLOCK):
        rows = slice(start, start + PREDICT_BLOCK)
        predicted[rows] = model.predict(
            held_out.user_ids[held_out.users[rows]], held_out.movie_ids[held_out.movies[rows]]
        )
    return predicted
