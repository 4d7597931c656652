"""The ten best movies of all users, beside the bare product and beside `implicit`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from bench.speed.stages.base import Bound, Stage, Way
from recsys.models.als import ALS
from recsys.models.base import BLOCK

OURS, PRODUCT, IMPLICIT = "recommend", "bare product, float32", "implicit's recommend"
N = 10


class AllTopN(Stage):
    name = "top-n"
    title = "top-10 for all users, seen left out"
    ours = OURS
    bounds = (Bound(OURS, PRODUCT, "≤", 1.35), Bound(IMPLICIT, OURS, "≥", 1.5))

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        model, users = self.ground.model, self.ground.user_vectors
        histories = self.ground.data.interactions
        solver = as_implicit(model, users)
        everyone = np.arange(len(users))
        seen = histories.csr()[:, model.liked_].tocsr()
        yield [
            Way(OURS, lambda _: model.recommend(histories.user_ids, n=N, histories=histories)),
            Way(PRODUCT, lambda _: product(model, users)),
            Way(IMPLICIT, lambda _: recommend_by_implicit(solver, everyone, seen)),
        ]


def product(model: ALS, users: np.ndarray) -> None:
    """Every user's scores of every movie, a block of users at a time, and nothing done with
    them.
    """
    movies = np.ascontiguousarray(model.movie_factors_.T)
    scores = np.empty((BLOCK, movies.shape[1]), dtype=np.float32)
    with threadpool_limits(model.compute.threads, "blas"):
        for start in range(0, len(users), BLOCK):
            block = users[start : start + BLOCK]
            np.matmul(block, movies, out=scores[: len(block)])


def as_implicit(model: ALS, users: np.ndarray) -> AlternatingLeastSquares:
    """The same vectors in the library's own model, of the movies that somebody liked."""
    with threadpool_limits(1, "blas"):
        solver = AlternatingLeastSquares(
            factors=model.config.factors, num_threads=model.compute.threads
        )
    solver.user_factors, solver.item_factors = (
        users,
        model.movie_factors_[model.liked_],
    )
    return solver


def recommend_by_implicit(
    solver: AlternatingLeastSquares, users: np.ndarray, seen: sparse.csr_matrix
) -> None:
    with threadpool_limits(1, "blas"):
        solver.recommend(users, seen, N=N, filter_already_liked_items=True)
