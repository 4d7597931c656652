"""The search for a block of users' best products: longest movies first, until none can be in a
list.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recsys.models.top_n.exact import fixed_point
from recsys.models.top_n.scores import (
    LANES,
    LOWEST,
    Candidates,
    in_order,
    joined,
    lanes_to_read,
    nth_best,
)

#: Movies that a block of users is multiplied with at once: first and at most. 32 MB of scores at
#: most.
FIRST_MOVIES = 4 * LANES
MOST_MOVIES = 32 * LANES

#: Share of the unfinished users who are done after the next movies if their n-th best stays as it
#: is.
STEP = 0.5

#: The unit roundoff of float32, and half its smallest number: how far off the rounding of something
#: smaller can be.
ROUNDOFF = 2.0**-24
UNDERFLOW = 2.0**-150
LARGEST_EXPONENT = 127


@dataclass(frozen=True)
class MoviesByLength:
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
    def of(cls, movies: np.ndarray, ranked: np.ndarray) -> "MoviesByLength":
        """Return those of the vectors (M, d) that the mask `ranked` (M,) has."""
        exact = fixed_point(movies)
        positions = np.flatnonzero(ranked)
        _, scale = np.frexp(np.abs(exact[positions]).max(initial=0.0))
        vectors = np.ldexp(exact[positions], -scale)
        lengths = np.linalg.norm(vectors, axis=1)
        order = np.argsort(-lengths, kind="stable")
        place = np.full(len(movies), len(positions), dtype=np.int32)
        place[positions[order]] = np.arange(len(positions))
        return cls(
            positions=positions[order],
            place=place,
            exact=exact,
            scale=int(scale),
            vectors=vectors[order].astype(np.float32),
            lengths=lengths[order],
        )


def empty_buffer(n_users: int) -> np.ndarray:
    """Return room for the most products of a block of users that stand in memory at once."""
    return np.empty((MOST_MOVIES // LANES * n_users, LANES), dtype=np.float32)


def seen_by_place(
    seen: sparse.csr_matrix | None, rows: slice, movies: MoviesByLength
) -> sparse.csc_array:
    """Return (B, m + 1) of the rows' entries: by place, the last column for what is not ranked."""
    shape = (rows.stop - rows.start, len(movies.positions) + 1)
    if seen is None:
        return sparse.csc_array(shape, dtype=np.int8)
    ends = seen.indptr[rows.start : rows.stop + 1]
    places = movies.place[seen.indices[ends[0] : ends[-1]]]
    entries = np.ones(len(places), dtype=np.int8)
    return sparse.csr_array((entries, places, ends - ends[0]), shape=shape).tocsc()


class BlockSearch:
    """The search of `best_products` for the n best of one block of B users, of `exact` vectors (B,
    d) float64.

    `seen` (B, m + 1) CSC has an entry for what is left out, by place; `buffer` (B · chunks, LANES)
    float32 is overwritten.
    """

    def __init__(
        self,
        exact: np.ndarray,
        movies: MoviesByLength,
        n: int,
        seen: sparse.csc_array,
        buffer: np.ndarray,
    ) -> None:
        self.exact = exact
        self.movies = movies
        self.n = n
        self.seen = seen
        self.buffer = buffer
        # what a product must reach to be a candidate
        self.bar = np.full(len(exact), LOWEST, dtype=np.float32)
        _, scale = np.frexp(np.abs(exact).max(axis=1, initial=0.0))
        scaled = np.ldexp(exact, -scale[:, None])
        self.vectors = scaled.astype(np.float32)
        units = (exact.shape[1] + 2) * ROUNDOFF
        length = np.linalg.norm(scaled, axis=1)
        # of a movie of length 1; more than its own rounding takes away
        self.reach = length * (1 + units)
        error = units / (1 - units) * length * movies.lengths[0]
        error = error + np.ldexp(UNDERFLOW, -scale - movies.scale)
        overflows = scale + movies.scale + np.log2(exact.shape[1]) >= LARGEST_EXPONENT
        self.slack = np.where(overflows, np.inf, 2 * error)

    def run(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions (B, n), scores (B, n), and (B,) bool who is unfinished: has no list, but
        needs all the exact scores.
        """
        unfinished = ~np.isfinite(self.slack) | (self.reach == 0)
        live = np.flatnonzero(~unfinished)
        peaks = np.full((len(live), LANES), -np.inf, dtype=np.float32)
        candidates = [_no_candidates()]
        n_movies = len(self.movies.positions)
        start = 0
        stop = FIRST_MOVIES
        while start < n_movies and len(live):
            chunks, new_peaks = self._multiply(live, slice(start, min(stop, n_movies)))
            np.maximum(peaks, new_peaks, out=peaks)
            self._raise_bar(live, peaks)
            rows, lanes, crowded = lanes_to_read(new_peaks, self.bar[live], self.n)
            unfinished[live[crowded]] = True
            values = np.take(chunks.reshape(len(chunks), -1), rows * LANES + lanes, axis=1)
            chunk, hit = np.nonzero(values >= self.bar[live[rows]])
            places = start + chunk * LANES + lanes[hit]
            candidates.append((live[rows[hit]], places, values[chunk, hit]))
            needed = self._needed(live)
            is_live = ~crowded & (needed > stop)
            live = live[is_live]
            peaks = peaks[is_live]
            start = stop
            stop += _next_step(needed[is_live] - stop)
        return *self._rank(joined(candidates), unfinished), unfinished

    def _raise_bar(self, live: np.ndarray, peaks: np.ndarray) -> None:
        """Raise the bar to the n-th best lane less the slack, rounded down; it is never lowered."""
        reached = (nth_best(peaks, self.n) - self.slack[live]).astype(np.float32)
        self.bar[live] = np.maximum(self.bar[live], np.nextafter(reached, np.float32(-np.inf)))

    def _needed(self, live: np.ndarray) -> np.ndarray:
        """Return (len(live),) how many movies, the longest first, are long enough for a product
        that reaches the user's bar.
        """
        shortest = self.bar[live] / self.reach[live]
        return len(self.movies.lengths) - np.searchsorted(self.movies.lengths[::-1], shortest)

    def _multiply(self, live: np.ndarray, places: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return products of the live users with the movies of `places`, (chunks, len(live), LANES)
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
        """Return for each chunk of `_multiply` where in it the seen are."""
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
        """Rank those that reach the last bar by exact score. Positions are places until then."""
        rows, places, values = candidates
        keep = (values >= self.bar[rows]) & ~unfinished[rows]
        rows = rows[keep]
        positions = self.movies.positions[places[keep]]
        exact = np.einsum("cd,cd->c", self.exact[rows], self.movies.exact[positions])
        return in_order((rows, positions, exact.astype(np.float32)), len(self.exact), self.n)


def _no_candidates() -> Candidates:
    nothing = np.empty(0, dtype=np.int64)
    return nothing, nothing, np.empty(0, dtype=np.float32)


def _next_step(left: np.ndarray) -> int:
    """Return how many movies to go on by: as far as a STEP of the users need to, in whole
    chunks.
    """
    n_chunks = np.ceil(np.quantile(left, STEP) / LANES) if len(left) else np.float64(1)
    return int(n_chunks.clip(1, MOST_MOVIES // LANES)) * LANES
