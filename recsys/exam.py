"""Evaluate one model at an exam: lists from the whole catalogue, never from sampled negatives, with
a score for each user.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.errors import ModelError
from recsys.evaluation.hits import hits_of
from recsys.evaluation.lists import Lists
from recsys.evaluation.metrics import DECIDING, ERRORS, EXPOSURE, LISTS, RANKING
from recsys.evaluation.split import Exam
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import index_of
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
    """Some of the users, and which held-out ratings and movies count for them."""

    name: str
    users: np.ndarray  # ids
    counts: np.ndarray  # (held-out rows,) bool
    movies: np.ndarray  # (M,) bool: whose exposure is measured
    of_movies: bool = False  # the lists are those of another slice, measured for other movies


@dataclass(frozen=True)
class _Evaluated:
    """The lists of one model: movie `ids` (A, LIST_LENGTH) for the `users` (A,) who liked a
    held-out movie, and their movies' facts.

    `is_liked` is a mask over the held-out ratings. `hits` (A, LIST_LENGTH) are the listed movies
    that the user liked, of `n_relevant` (A,). `predicted` are stars for each held-out rating, of a
    model that rates.
    """

    exam: Exam
    is_liked: np.ndarray
    users: np.ndarray
    ids: np.ndarray
    hits: np.ndarray
    n_relevant: np.ndarray
    lists: Lists
    predicted: np.ndarray | None

    @classmethod
    def of(
        cls, model: Recommender, exam: Exam, is_liked: np.ndarray, genres: np.ndarray | None
    ) -> Self:
        """Let the model recommend and, where it rates, predict."""
        held_out = exam.held_out
        users = np.unique(held_out.row_user_ids[is_liked])
        seen = exam.histories.seen_by(users)
        ids = model.recommend(users, n=LIST_LENGTH, histories=exam.histories).ids
        predicted = predictions(model, exam)
        hits, n_relevant = hits_of(ids, users, held_out, is_liked)
        lists = Lists.of(ids, seen, exam.raters, genres)
        return cls(exam, is_liked, users, ids, hits, n_relevant, lists, predicted)

    @property
    def deciding_ndcg(self) -> np.ndarray:
        """Return the deciding metric of each of the exam's users, float32."""
        metric, k = RANKING[DECIDING]
        rows = index_of(self.users, self.exam.users)
        return metric(self.hits[rows, :k], self.n_relevant[rows]).astype(np.float32)

    def figures(self, part: _Slice) -> list[Row]:
        """Return all figures of a slice."""
        rows = index_of(self.users, part.users)
        return [
            *self.ranking(part, rows),
            *self.list_figures(part, rows),
            *self._exposure(part, rows),
            *self.errors(part),
        ]

    def ranking(self, part: _Slice, rows: np.ndarray) -> Iterator[Row]:
        hits, n_relevant = self._hits(part, rows)
        has_any = n_relevant > 0
        hits = hits[has_any]
        if not len(hits):
            return
        for name, (metric, k) in RANKING.items():
            mean = metric(hits[:, :k], n_relevant[has_any]).mean()
            yield part.name, name, float(mean), len(hits)

    def _hits(self, part: _Slice, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not part.of_movies:
            return self.hits[rows], self.n_relevant[rows]
        relevant = self.is_liked & part.counts
        return hits_of(self.ids[rows], part.users, self.exam.held_out, relevant)

    def list_figures(self, part: _Slice, rows: np.ndarray) -> Iterator[Row]:
        if part.of_movies:
            return
        lists = self.lists.of_users(rows)
        for name, (metric, k) in LISTS.items():
            value, n = metric(lists.cut_at(k))
            if np.isfinite(value):
                yield part.name, name, value, n

    def _exposure(self, part: _Slice, rows: np.ndarray) -> Iterator[Row]:
        if not len(rows):
            return
        lists = self.lists.of_users(rows)
        for name, (metric, k) in EXPOSURE.items():
            value = metric(lists.cut_at(k).exposure()[part.movies])
            if np.isfinite(value):
                yield part.name, name, value, int(part.movies.sum())

    def errors(self, part: _Slice) -> Iterator[Row]:
        if self.predicted is None or not part.counts.any():
            return
        predicted = self.predicted[part.counts]
        actual = self.exam.held_out.ratings[part.counts]
        for name, metric in ERRORS.items():
            yield part.name, name, metric(predicted, actual), len(actual)


def examine(
    model: Recommender,
    exam: Exam,
    *,
    like_threshold: float,
    min_history: int,
    catalogue: Catalogue | None = None,
) -> ExamResult:
    """Evaluate `model` by lists from the catalogue less what each user has a training rating of; a
    movie liked in `held_out` is relevant.

    A user to whom the model gives no list scores 0. How diverse lists are is measured by the genres
    of `catalogue`, of the exam's movies, and not without it. Raises ModelError for a model of
    another catalogue. Slices:

    - "all": the users that decide.
    - "light users" and "heavy users": those of them with at most, and with more than, their median
      number of training ratings.
    - "cold users": everyone who liked a held-out movie and has fewer than `min_history` training
      ratings, those with none included.
    - "new movies": the users that decide, with only movies without any training rating as relevant.
    """
    check_catalogue(model, exam)
    is_liked = exam.held_out.ratings >= like_threshold
    genres = catalogue.genres.multi_hot() if catalogue else None
    evaluated = _Evaluated.of(model, exam, is_liked, genres)
    values: list[Row] = []
    for part in slices(exam, evaluated.users, min_history):
        values += evaluated.figures(part)
    return ExamResult(user_ids=exam.users, ndcg=evaluated.deciding_ndcg, values=values)


def check_catalogue(model: Recommender, exam: Exam) -> None:
    """Raise ModelError for a model of other movies than the exam's."""
    if not np.array_equal(model.movie_ids_, exam.movie_ids):
        raise ModelError(
            f"{model.name} knows {len(model.movie_ids_):,} movies and the exam has "
            f"{len(exam.movie_ids):,}: expected the same ones"
        )


def slices(exam: Exam, users: np.ndarray, min_history: int) -> Iterator[_Slice]:
    """Yield the slices of the held-out ratings that are evaluated apart."""
    every_rating = np.ones(len(exam.held_out), dtype=bool)
    every_movie = np.ones(len(exam.held_out.movie_ids), dtype=bool)
    yield _Slice("all", exam.users, every_rating, every_movie)
    is_heavy = _is_heavy(exam.histories.n_rated_by(exam.users))
    for name, mask in (("light users", ~is_heavy), ("heavy users", is_heavy)):
        part = exam.users[mask]
        yield _Slice(name, part, exam.held_out.is_of(part), every_movie)
    cold = cold_users(exam, min_history)
    yield _Slice("cold users", np.intersect1d(users, cold), exam.held_out.is_of(cold), every_movie)
    yield new_movies(exam)


def cold_users(exam: Exam, min_history: int) -> np.ndarray:
    """Return the ids of users with held-out ratings and too few training ratings."""
    user_ids = exam.held_out.user_ids
    return user_ids[exam.histories.n_rated_by(user_ids) < min_history]


def new_movies(exam: Exam) -> _Slice:
    """Return the slice of movies that nobody rated before the cut."""
    is_new = exam.raters.counts == 0
    counts = is_new[exam.held_out.movies]
    return _Slice("new movies", exam.users, counts, is_new, of_movies=True)


def _is_heavy(lengths: np.ndarray) -> np.ndarray:
    """Return whose history is longer than the median one."""
    return lengths > np.median(lengths) if len(lengths) else np.zeros(0, dtype=bool)


def predictions(model: Recommender, exam: Exam) -> np.ndarray | None:
    """Return (R,) predicted stars of the held-out ratings, a block at a time; None of a model that
    does not rate.
    """
    if not isinstance(model, PredictsRatings) or not model.rates:
        return None
    held_out = exam.held_out
    predicted = np.empty(len(held_out), dtype=np.float32)
    for start in range(0, len(held_out), PREDICT_BLOCK):
        rows = slice(start, start + PREDICT_BLOCK)
        users = held_out.user_ids[held_out.users[rows]]
        movies = held_out.movie_ids[held_out.movies[rows]]
        predicted[rows] = model.predict(users, movies, exam.histories)
    return predicted
