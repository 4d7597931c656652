"""Scores that are dot products: the same bits in whatever order BLAS adds, and the best of them
without computing all.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.models.top_n.exact import check_width, fixed_point
from recsys.models.top_n.scores import MOST_BY_LANES, mask_seen, top_n
from recsys.models.top_n.search import BlockSearch, MoviesByLength, empty_buffer, seen_by_place

#: Users that a thread searches for at once.
USERS_AT_ONCE = 512

#: Rows of which `best_products` computes all scores at once.
WHOLE_ROWS = 256


def dot_scores(users: np.ndarray, movies: np.ndarray, threads: int) -> np.ndarray:
    """Return (B, M) float32 products of user vectors (B, d) with movie vectors (M, d), d ≤
    EXACT_WIDTH.

    BLAS adds in an order that depends on a row's place and on the shapes, and a user's scores must
    not depend on who else is scored with it. So every term is a multiple of one small step, and
    float64 holds their sums without rounding, in whatever order. Raises ModelError where vectors
    are longer.
    """
    check_width(users)
    with threadpool_limits(threads, "blas"):
        return (fixed_point(users) @ fixed_point(movies).T).astype(np.float32)


def best_products(
    users: np.ndarray,
    movies: np.ndarray,
    n: int,
    *,
    ranked: np.ndarray,
    seen: sparse.csr_matrix | None,
    threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (U, n) and scores (U, n) as `top_n` of `dot_scores` gives them, of the
    movies `ranked` (M,) less the seen (U, M).

    Most scores are never computed. Movies come by length of vector, the longest first, and as |u·v|
    ≤ ‖u‖·‖v‖, a user is done when no later movie is long enough for the n-th best so far
    (Teflioudi, Gemulla & Mykytiuk 2015, "LEMP"). The search computes in float32, to choose
    candidates; only these get the exact score that they are ranked by. None is missed: a float32
    product differs from the float32 value of the exact one by at most E = (d + 2)ε/(1 − (d +
    2)ε)·‖u‖·‖v‖, ε = 2⁻²⁴, in whatever order it is added (Higham 2002, "Accuracy and Stability of
    Numerical Algorithms", section 3.1: d ε for the sum, one more for the last rounding, and one for
    what underflows, which is far less). At least n movies have a product of T or more, T the n-th
    best of the lanes, and so an exact score of T − E or more; what shares a list with them or
    displaces them has a product of at least T − 2E.

    Cost: at most that of a float32 product of the matrices and one look at each score, in blocks
    that stay in the cache. Users of too many nearly equal scores, of scores that float32 can't
    hold, or any with a large n, get all their exact scores. Raises ModelError where vectors are
    longer than EXACT_WIDTH.
    """
    check_width(users)
    lists = _Lists.empty(len(users), n)
    if n <= MOST_BY_LANES and ranked.any():
        _search(users, MoviesByLength.of(movies, ranked), seen, threads, lists)
    rest = np.flatnonzero(lists.unfinished)
    for start in range(0, len(rest), WHOLE_ROWS):
        rows = rest[start : start + WHOLE_ROWS]
        block = dot_scores(users[rows], movies, threads)
        block[:, ~ranked] = -np.inf
        block = mask_seen(block, None if seen is None else seen[rows], slice(0, len(rows)))
        lists.positions[rows], lists.scores[rows] = top_n(block, n)
    # no -0: whether a sum of nothing has a sign depends on the order
    return lists.positions, lists.scores + np.float32(0)


@dataclass(frozen=True)
class _Lists:
    """Lists of U users while they are filled; `unfinished` (U,) bool: which have none yet."""

    positions: np.ndarray  # (U, n) int64
    scores: np.ndarray  # (U, n) float32
    unfinished: np.ndarray

    @classmethod
    def empty(cls, n_users: int, n: int) -> "_Lists":
        return cls(
            np.empty((n_users, n), dtype=np.int64),
            np.empty((n_users, n), dtype=np.float32),
            np.ones(n_users, dtype=bool),
        )


def _search(
    users: np.ndarray,
    movies: MoviesByLength,
    seen: sparse.csr_matrix | None,
    threads: int,
    lists: _Lists,
) -> None:
    """Fill `lists` with what `BlockSearch` finds for all users (U, d).

    A thread takes whole blocks, so that threads wait for each other only once.
    """
    n = lists.positions.shape[1]

    def search(first: int) -> None:
        buffer = empty_buffer(min(USERS_AT_ONCE, len(users)))
        for start in range(first * USERS_AT_ONCE, len(users), threads * USERS_AT_ONCE):
            rows = slice(start, min(start + USERS_AT_ONCE, len(users)))
            seen_places = seen_by_place(seen, rows, movies)
            block = BlockSearch(fixed_point(users[rows]), movies, n, seen_places, buffer)
            lists.positions[rows], lists.scores[rows], lists.unfinished[rows] = block.run()

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(search, range(threads)))
