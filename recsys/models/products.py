"""Scores that are dot products: the same bits in whatever order BLAS adds, and the best of them
without computing all.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.errors import ModelError
from recsys.models.ranking import (
    LANES,
    LOWEST,
    MOST_BY_LANES,
    Candidates,
    in_order,
    joined,
    lanes_to_read,
    mask_seen,
    nth_best,
    top_n,
)

#: Longest vectors of which `dot_scores` adds the products without rounding, and the bits of their
#: numbers that it takes: a product has 44 then, and the sum of 512 products 53, all that float64
#: holds.
EXACT_WIDTH = 512
FIXED_POINT_BITS = 22

#: Users that a thread searches for at once, and movies: first and at most. 32 MB of scores at most.
USERS_AT_ONCE = 512
FIRST_MOVIES = 4 * LANES
MOST_MOVIES = 32 * LANES

#: Share of the unfinished users who are done after the next movies if their n-th best stays as it
#: is.
STEP = 0.5

#: Rows of which `best_products` makes all scores at once.
WHOLE_ROWS = 256

#: The unit roundoff of float32, and half its smallest number: how far off the rounding of something
#: smaller can be.
ROUNDOFF = 2.0**-24
UNDERFLOW = 2.0**-150
LARGEST_EXPONENT = 127


def dot_scores(users: np.ndarray, movies: np.ndarray, threads: int) -> np.ndarray:
    """(B, M) float32 products of user vectors (B, d) with movie vectors (M, d), d ≤ EXACT_WIDTH.

    BLAS adds in an order that depends on a row's place and on the shapes, and a user's scores must
    not depend on who else is asked for. So every term is a multiple of one small step, and float64
    holds their sums without rounding, in whatever order. Raises ModelError where vectors are
    longer.
    """
    _check_width(users)
    with threadpool_limits(threads, "blas"):
        return (_fixed_point(users) @ _fixed_point(movies).T).astype(np.float32)


def best_products(
    users: np.ndarray,
    movies: np.ndarray,
    n: int,
    *,
    ranked: np.ndarray,
    seen: sparse.csr_matrix | None,
    threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (U, n) and scores (U, n) as `top_n` of `dot_scores` gives them, of the movies
    `ranked` (M,) less the seen (U, M).

    Most scores are never made. Movies come by length of vector, the longest first, and as |u·v| ≤
    ‖u‖·‖v‖, a user is done when no later movie is long enough for the n-th best so far (Teflioudi,
    Gemulla & Mykytiuk 2015, "LEMP"). What is made is made in float32, to choose candidates; only
    these get the exact score that they are ranked by. None is missed: a float32 product differs
    from the float32 value of the exact one by at most E = (d + 2)ε/(1 − (d + 2)ε)·‖u‖·‖v‖, ε =
    2⁻²⁴, in whatever order it is added (Higham 2002, "Accuracy and Stability of Numerical
    Algorithms", section 3.1: d ε for the sum, one more for the last rounding, and one for what
    underflows, which is far less). At least n movies have a product of T or more, T the n-th best
    of the lanes, and so an exact score of T − E or more; what shares a list with them or displaces
    them has a product of at least T − 2E.

    Cost: at most that of a float32 product of the matrices and one look at each score, in blocks
    that stay in the cache. Users of too many nearly equal scores, of scores that float32 can't
    hold, or any with a large n, get all their exact scores. Raises ModelError where vectors are
    longer than EXACT_WIDTH.
    """
    _check_width(users)
    if n <= MOST_BY_LANES and ranked.any():
        positions, scores, unfinished = _search_all(
            users, _Movies.of(movies, ranked), n, seen, threads
        )
    else:
        positions, scores = (
            np.empty((len(users), n), dtype=np.int64),
            np.empty((len(users), n), dtype=np.float32),
        )
        unfinished = np.ones(len(users), dtype=bool)
    rest = np.flatnonzero(unfinished)
    for start in range(0, len(rest), WHOLE_ROWS):
        rows = rest[start : start + WHOLE_ROWS]
        block = dot_scores(users[rows], movies, threads)
        block[:, ~ranked] = -np.inf
        positions[rows], scores[rows] = top_n(
            mask_seen(block, seen if seen is None else seen[rows], slice(0, len(rows))), n
        )
    # no -0: whether a sum of nothing has a sign depends on the order
    return positions, scores + np.float32(0)


def _search_all(
    users: np.ndarray, movies: "_Movies", n: int, seen: sparse.csr_matrix | None, threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `_Search` finds for all users (U, d). A thread takes whole blocks, so that they wait for
    each other only once.
    """
    positions, scores = (
        np.empty((len(users), n), dtype=np.int64),
        np.empty((len(users), n), dtype=np.float32),
    )
    unfinished = np.empty(len(users), dtype=bool)

    def search(first: int) -> None:
        buffer = np.empty(
            (MOST_MOVIES // LANES * min(USERS_AT_ONCE, len(users)), LANES), dtype=np.float32
        )
        for start in range(first * USERS_AT_ONCE, len(users), threads * USERS_AT_ONCE):
            rows = slice(start, min(start + USERS_AT_ONCE, len(users)))
            block = _Search(
                _fixed_point(users[rows]), movies, n, _seen_by_place(seen, rows, movies), buffer
            )
            positions[rows], scores[rows], unfinished[rows] = block.run()

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(search, range(threads)))
    return positions, scores, unfinished


@dataclass(frozen=True)
class _Movies:
    """The m movies to rank, longest vector first. `scale` is a power of two; `vectors` are `exact`
    by it, in float32.
    """

    positions: np.ndarray  # (m,) int64 of M
    place: np.ndarray  # (M,) int32, of a position here; m for what is not ranked
    exact: np.ndarray  # (M, d) float64 by position, as `dot_scores` takes them
    scale: int
    vectors: np.ndarray  # (m, d) float32, at most 1 in size
    lengths: np.ndarray  # (m,) float64, of `vectors`

    @classmethod
    def of(cls, movies: np.ndarray, ranked: np.ndarray) -> "_Movies":
        exact = _fixed_point(movies)
        positions = np.flatnonzero(ranked)
        _, scale = np.frexp(np.abs(exact[positions]).max(initial=0.0))
        vectors = np.ldexp(exact[positions], -scale)
        lengths = np.linalg.norm(vectors, axis=1)
        order = np.argsort(-lengths, kind="stable")
        place = np.full(len(movies), len(positions), dtype=np.int32)
        place[positions[order]] = np.arange(len(positions))
        return cls(
            positions[order],
            place,
            exact,
            int(scale),
            vectors[order].astype(np.float32),
            lengths[order],
        )


class _Search:
    """The search of `best_products` for the n best of one block of B users, of `exact` vectors (B,
    d) float64.

    `seen` (B, m + 1) CSC has an entry for what is left out, by place; `buffer` (B · chunks, LANES)
    float32 is overwritten.
    """

    def __init__(
        self, exact: np.ndarray, movies: _Movies, n: int, seen: sparse.csc_array, buffer: np.ndarray
    ) -> None:
        self.exact, self.movies, self.n, self.seen, self.buffer = exact, movies, n, seen, buffer
        _, scale = np.frexp(np.abs(exact).max(axis=1, initial=0.0))
        scaled = np.ldexp(exact, -scale[:, None])
        self.vectors = scaled.astype(np.float32)
        units = (exact.shape[1] + 2) * ROUNDOFF
        length = np.linalg.norm(scaled, axis=1)
        # of a movie of length 1; more than its own rounding takes away
        self.reach = length * (1 + units)
        error = units / (1 - units) * length * movies.lengths[0] + np.ldexp(
            UNDERFLOW, -scale - movies.scale
        )
        overflows = scale + movies.scale + np.log2(exact.shape[1]) >= LARGEST_EXPONENT
        self.slack = np.where(overflows, np.inf, 2 * error)
        # what a product must reach to be a candidate
        self.bar = np.full(len(exact), LOWEST, dtype=np.float32)

    def run(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions (B, n), scores (B, n), and (B,) bool who is unfinished: has no list, but needs
        all the exact scores.
        """
        unfinished = ~np.isfinite(self.slack) | (self.reach == 0)
        live = np.flatnonzero(~unfinished)
        peaks = np.full((len(live), LANES), -np.inf, dtype=np.float32)
        found = [
            (
                np.empty(0, dtype=np.int64),
                np.empty(0, dtype=np.int64),
                np.empty(0, dtype=np.float32),
            )
        ]
        start, stop = 0, FIRST_MOVIES
        while start < len(self.movies.positions) and len(live):
            chunks, new = self._multiply(live, slice(start, min(stop, len(self.movies.positions))))
            np.maximum(peaks, new, out=peaks)
            self._raise_bar(live, peaks)
            rows, lanes, crowded = lanes_to_read(new, self.bar[live], self.n)
            unfinished[live[crowded]] = True
            values = np.take(chunks.reshape(len(chunks), -1), rows * LANES + lanes, axis=1)
            chunk, hit = np.nonzero(values >= self.bar[live[rows]])
            found.append((live[rows[hit]], start + chunk * LANES + lanes[hit], values[chunk, hit]))
            needed = self._needed(live)
            on = ~crowded & (needed > stop)
            live, peaks = live[on], peaks[on]
            start, stop = stop, stop + _next_step(needed[on] - stop)
        return *self._rank(joined(found), unfinished), unfinished

    def _raise_bar(self, live: np.ndarray, peaks: np.ndarray) -> None:
        """To the n-th best lane less the slack, rounded down; it is never lowered."""
        reached = (nth_best(peaks, self.n) - self.slack[live]).astype(np.float32)
        self.bar[live] = np.maximum(self.bar[live], np.nextafter(reached, np.float32(-np.inf)))

    def _needed(self, live: np.ndarray) -> np.ndarray:
        """(len(live),) how many movies, the longest first, are long enough for a product that
        reaches the user's bar.
        """
        shortest = self.bar[live] / self.reach[live]
        return len(self.movies.lengths) - np.searchsorted(self.movies.lengths[::-1], shortest)

    def _multiply(self, live: np.ndarray, places: slice) -> tuple[np.ndarray, np.ndarray]:
        """Products of the live users with the movies of `places`, (chunks, len(live), LANES)
        float32, and each lane's best.

        −inf for the seen.
        """
        users = self.vectors[live]
        starts = range(places.start, places.stop, LANES)
        chunks = self.buffer[: len(starts) * len(live)].reshape(len(starts), len(live), LANES)
        peaks = np.full((len(live), LANES), -np.inf, dtype=np.float32)
        for chunk, start, seen in zip(chunks, starts, self._seen_cells(live, places), strict=True):
            part = self.movies.vectors[start : min(start + LANES, places.stop)]
            np.matmul(users, part.T, out=chunk[:, : len(part)])
            chunk[:, len(part) :] = -np.inf
            chunk.reshape(-1)[seen] = -np.inf
            np.maximum(peaks, chunk, out=peaks)
        return chunks, peaks

    def _seen_cells(self, live: np.ndarray, places: slice) -> list[np.ndarray]:
        """For each chunk of `_multiply`, where in it the seen are."""
        row_of = np.full(len(self.exact), -1)
        row_of[live] = np.arange(len(live))
        ends = self.seen.indptr[places.start : places.stop + 1]
        rows = row_of[self.seen.indices[ends[0] : ends[-1]]]
        cells = rows * LANES + np.repeat(np.arange(len(ends) - 1) % LANES, np.diff(ends))
        bounds = ends[LANES:-1:LANES] - ends[0]
        return [part[part >= 0] for part in np.split(cells, bounds)]

    def _rank(
        self, candidates: Candidates, unfinished: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lists of those that reach the last bar, by exact score. Positions are places here until
        then.
        """
        rows, places, values = candidates
        keep = (values >= self.bar[rows]) & ~unfinished[rows]
        rows, positions = rows[keep], self.movies.positions[places[keep]]
        exact = np.einsum("cd,cd->c", self.exact[rows], self.movies.exact[positions]).astype(
            np.float32
        )
        return in_order((rows, positions, exact), len(self.exact), self.n)


def _next_step(left: np.ndarray) -> int:
    """How many movies to go on by: as far as a STEP of the users need to, in whole chunks."""
    n_chunks = np.ceil(np.quantile(left, STEP) / LANES) if len(left) else np.float64(1)
    return int(n_chunks.clip(1, MOST_MOVIES // LANES)) * LANES


def _seen_by_place(
    seen: sparse.csr_matrix | None, rows: slice, movies: _Movies
) -> sparse.csc_array:
    """(B, m + 1) of the rows' entries: by place, the last column for what is not ranked."""
    shape = (rows.stop - rows.start, len(movies.positions) + 1)
    if seen is None:
        return sparse.csc_array(shape, dtype=np.int8)
    ends = seen.indptr[rows.start : rows.stop + 1]
    places = movies.place[seen.indices[ends[0] : ends[-1]]]
    return sparse.csr_array(
        (np.ones(len(places), dtype=np.int8), places, ends - ends[0]), shape=shape
    ).tocsc()


def _check_width(vectors: np.ndarray) -> None:
    if vectors.shape[1] > EXACT_WIDTH:
        raise ModelError(
            f"vectors of length {vectors.shape[1]}; expected at most {EXACT_WIDTH}, "
            "of which products add exactly"
        )


def _fixed_point(vectors: np.ndarray) -> np.ndarray:
    """(N, d) float64: each row rounded to a multiple of 2⁻²² of the power of two above its largest
    value.
    """
    _, exponent = np.frexp(np.abs(vectors).max(axis=1, initial=0.0, keepdims=True))
    step = np.ldexp(1.0, exponent - FIXED_POINT_BITS)
    return np.rint(vectors / step) * step
