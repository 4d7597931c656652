"""What deleting a like does to the scores of the movies that it is a reason for."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.models.base import Recommender
from recsys.models.explanation import Explanation

#: Movies of a list that are explained, as in a publication.
N = 10

#: Histories that are asked with at once.
AT_ONCE = 256


@dataclass(frozen=True)
class Fidelity:
    """What is measured of a recipe: of P pairs of a list's row and its top reason, by how much the
    row's score fell without the movie that is `cited`, and without a `random` other like (P,).
    `error` is the largest difference of a sum of contributions and its score, by the score; None
    where a reason is no term of a sum.
    """

    kind: str
    n_rows: int
    n_with_reason: int
    cited: np.ndarray
    random: np.ndarray
    error: float | None
    listing_seconds: float
    explaining_seconds: float

    @property
    def wins(self) -> float:
        """Return the share of pairs of which the cited movie takes more away."""
        return float((self.cited > self.random).mean())

    @property
    def ratio(self) -> float:
        """Return how many times the random movie's mean fall the cited one's is; infinity where
        scores do not fall without a random like.
        """
        fall = float(self.random.mean())
        return float(self.cited.mean()) / fall if fall > 0 else np.inf

    @property
    def share_with_reason(self) -> float:
        """Return the share of rows that have a reason."""
        return self.n_with_reason / max(self.n_rows, 1)


@dataclass(frozen=True)
class Lists:
    """The lists of B users by a model: `positions` (B, n) and `scores`, with their explanation."""

    histories: Histories
    positions: np.ndarray
    scores: np.ndarray
    explanation: Explanation
    listing_seconds: float
    explaining_seconds: float

    @classmethod
    def of(cls, model: Recommender, users: np.ndarray, ratings: Interactions) -> Self:
        """Make and explain the users' lists."""
        started = time.perf_counter()
        top = model.recommend(users, n=N, histories=ratings)
        listed = time.perf_counter()
        histories = ratings.histories_of(users)
        positions = np.searchsorted(model.movie_ids_, top.ids)
        positions = np.where(top.ids >= 0, positions, -1)
        explanation = model.explain(histories, positions)
        seconds = (listed - started, time.perf_counter() - listed)
        return cls(histories, positions, top.scores, explanation, *seconds)

    @cached_property
    def reasons(self) -> np.ndarray:
        """Return (B, n) positions of the top reasons, −1 for none."""
        return self.explanation.strongest(1).movies[:, :, 0]

    @property
    def error(self) -> float | None:
        """Return the largest relative difference of sums and scores."""
        if self.explanation.kind != "exact":
            return None
        total = self.explanation.sums + self.explanation.rest
        is_listed = self.positions >= 0
        difference = np.abs(total - np.where(is_listed, self.scores, 0))[is_listed]
        return float((difference / np.abs(self.scores[is_listed])).max())


def measure(
    model: Recommender, ratings: Interactions, users: np.ndarray, rng: np.random.Generator
) -> Fidelity:
    """Measure a fitted model on users (ids) with likes."""
    lists = Lists.of(model, users, ratings)
    rows, places = np.nonzero(lists.reasons >= 0)
    others = random_likes(model, lists, rows, places, rng)
    has_other = others >= 0
    rows, places, others = rows[has_other], places[has_other], others[has_other]
    movies = lists.positions[rows, places]
    before = lists.scores[rows, places]
    cited = before - scores_without(
        model, lists.histories, rows, lists.reasons[rows, places], movies
    )
    random = before - scores_without(model, lists.histories, rows, others, movies)
    return Fidelity(
        kind=lists.explanation.kind,
        n_rows=int((lists.positions >= 0).sum()),
        n_with_reason=int((lists.reasons >= 0).sum()),
        cited=cited,
        random=random,
        error=lists.error,
        listing_seconds=lists.listing_seconds,
        explaining_seconds=lists.explaining_seconds,
    )


def random_likes(
    model: Recommender,
    lists: Lists,
    rows: np.ndarray,
    places: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return (P,) a like of each row's user that is not the top reason; −1 where there is none."""
    likes = model.likes_in(lists.histories)
    chosen = np.full(len(rows), -1, dtype=np.int64)
    for pair, (row, place) in enumerate(zip(rows, places, strict=True)):
        own = likes.movies[likes.starts[row] : likes.starts[row + 1]]
        others = own[own != lists.reasons[row, place]]
        if len(others):
            chosen[pair] = rng.choice(others)
    return chosen


def scores_without(
    model: Recommender,
    histories: Histories,
    rows: np.ndarray,
    deleted: np.ndarray,
    movies: np.ndarray,
) -> np.ndarray:
    """Return (P,) float64 scores of movies (P,) for users (P,), each asked anew without the rating
    of one movie (P,).
    """
    scores = np.empty(len(rows))
    for start in range(0, len(rows), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        whole = histories.rows(rows[part])
        shortened = whole.where(whole.movies != np.repeat(deleted[part], whole.lengths))
        block = model.score_block(shortened)
        scores[part] = block[np.arange(len(block)), movies[part]]
    return scores
