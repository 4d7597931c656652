"""Scores that are dot products: the same bits in whatever order BLAS adds, and the best of them
without computing all.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.models.top_n.by_length import MoviesByLength, UserBlock, seen_by_place
from recsys.models.top_n.exact import check_width, fixed_point
from recsys.models.top_n.scores import MOST_BY_LANES, empty_lists, mask_seen, top_n
from recsys.models.top_n.search import BlockSearch, empty_buffer

__all__ = ["Eligibility", "best_products", "dot_scores"]

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


@dataclass(frozen=True)
class Eligibility:
    """What may be listed for U users: the movies `ranked` (M,) bool, less the `seen` (U, M)."""

    ranked: np.ndarray
    seen: sparse.csr_matrix | None = None

    def mask(self, block: np.ndarray, users: np.ndarray) -> np.ndarray:
        """Return the scores (B, M) of these users with −inf for the rest; changes them in place."""
        block[:, ~self.ranked] = -np.inf
        seen = None if self.seen is None else self.seen[users]
        return mask_seen(block, seen, slice(0, len(users)))


def best_products(
    users: np.ndarray, movies: np.ndarray, n: int, eligible: Eligibility, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (U, n) and scores (U, n) as `top_n` of `dot_scores` gives them, of what is
    eligible.

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
    lists = Lists.empty(len(users), n)
    UserSearch(users, MoviesByLength.of(movies, eligible.ranked), eligible.seen, lists).run(threads)
    for rows in lists.rest():
        scores = eligible.mask(dot_scores(users[rows], movies, threads), rows)
        lists.put(rows, *top_n(scores, n))
    # no -0: whether a sum of nothing has a sign depends on the order
    return lists.positions, lists.scores + np.float32(0)


@dataclass(frozen=True)
class Lists:
    """Lists of U users while they are filled; `unfinished` (U,) bool: which have none yet."""

    positions: np.ndarray  # (U, n) int64
    scores: np.ndarray  # (U, n) float32
    unfinished: np.ndarray

    @classmethod
    def empty(cls, n_users: int, n: int) -> "Lists":
        """Return lists that nobody has yet."""
        return cls(*empty_lists(n_users, n), np.ones(n_users, dtype=bool))

    @property
    def n(self) -> int:
        """The length of a list."""
        return self.positions.shape[1]

    def put(self, rows: slice | np.ndarray, positions: np.ndarray, scores: np.ndarray) -> None:
        """Set some users' lists."""
        self.positions[rows] = positions
        self.scores[rows] = scores

    def rest(self) -> Iterator[np.ndarray]:
        """Yield the unfinished users, at most WHOLE_ROWS at once."""
        rest = np.flatnonzero(self.unfinished)
        for start in range(0, len(rest), WHOLE_ROWS):
            yield rest[start : start + WHOLE_ROWS]


@dataclass(frozen=True)
class UserSearch:
    """The search for the `lists` of all users (U, d), but for those that it leaves unfinished."""

    users: np.ndarray
    movies: MoviesByLength
    seen: sparse.csr_matrix | None
    lists: Lists

    def run(self, threads: int) -> None:
        """Search, unless n is large: then many scores are in a list, and all are made.

        A thread takes whole blocks, so that threads wait for each other only once.
        """
        if self.lists.n > MOST_BY_LANES or not len(self.movies):
            return
        step = threads * USERS_AT_ONCE
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.run_blocks, range(0, step, USERS_AT_ONCE), repeat(step)))

    def run_blocks(self, first: int, step: int) -> None:
        """Search for every `step`-th block of USERS_AT_ONCE users."""
        buffer = empty_buffer(min(USERS_AT_ONCE, len(self.users)))
        for start in range(first, len(self.users), step):
            rows = slice(start, min(start + USERS_AT_ONCE, len(self.users)))
            self.run_block(rows, buffer)

    def run_block(self, rows: slice, buffer: np.ndarray) -> None:
        """Search for the users of some rows."""
        block = UserBlock.of(self.users[rows], self.movies)
        seen = seen_by_place(self.seen, rows, self.movies)
        search = BlockSearch(block, self.movies, self.lists.n, seen, buffer)
        positions, scores, self.lists.unfinished[rows] = search.run()
        self.lists.put(rows, positions, scores)
