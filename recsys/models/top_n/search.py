"""The search for a block of users' best products: longest movies first, until none can be in a
list.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recsys.models.top_n.by_length import MoviesByLength, UserBlock
from recsys.models.top_n.scores import LANES, LOWEST, Entries, Lanes, nth_best

__all__ = ["BlockSearch", "empty_buffer"]

#: Movies that a block of users is multiplied with at once: first and at most. 32 MB of scores at
#: most.
FIRST_MOVIES = 4 * LANES
MOST_MOVIES = 32 * LANES

#: Share of the unfinished users who are done after the next movies if their n-th best stays as it
#: is.
STEP = 0.5


def empty_buffer(n_users: int) -> np.ndarray:
    """Return room for the most products of a block of users that are in memory at once."""
    return np.empty((MOST_MOVIES // LANES * n_users, LANES), dtype=np.float32)


@dataclass
class BlockSearch:
    """The search of `best_products` for the n best of one block of B users."""

    users: UserBlock
    movies: MoviesByLength
    n: int
    seen: sparse.csc_array  # (B, m + 1) with an entry for what is left out, by place
    buffer: np.ndarray  # (B · chunks, LANES) float32, which is overwritten

    def __post_init__(self) -> None:
        # what a product must reach to be an entry
        self.bar = np.full(len(self.users), LOWEST, dtype=np.float32)
        # who has no list, but needs all the exact scores
        self.unfinished = ~np.isfinite(self.users.slack) | (self.users.reach == 0)
        # who is searched for, and the best of their products in each lane
        self.live = np.flatnonzero(~self.unfinished)
        self.peaks = np.full((len(self.live), LANES), -np.inf, dtype=np.float32)
        self.entries = [Entries.none()]

    def run(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions (B, n), scores (B, n), and (B,) bool who is unfinished."""
        n_movies = len(self.movies)
        start = 0
        stop = FIRST_MOVIES
        while start < n_movies and len(self.live):
            self.look_at(slice(start, min(stop, n_movies)))
            n_left = self.keep_unsettled(stop)
            start = stop
            stop += next_step(n_left)
        return *self.ranked(), self.unfinished

    def look_at(self, places: slice) -> None:
        """Multiply the live users with the movies of `places`; note what may be listed."""
        chunks, peaks = self.multiply(places)
        np.maximum(self.peaks, peaks, out=self.peaks)
        self.raise_bar()
        lanes = Lanes.to_read(peaks, self.bar[self.live], self.n)
        self.unfinished[self.live[lanes.crowded]] = True
        self.entries.append(self.read(lanes, chunks, places.start))

    def keep_unsettled(self, stop: int) -> np.ndarray:
        """Keep alive who needs movies from `stop` on; return (len(live),) how many of these."""
        needed = self.n_needed()
        is_live = ~self.unfinished[self.live] & (needed > stop)
        self.live = self.live[is_live]
        self.peaks = self.peaks[is_live]
        return needed[is_live] - stop

    def multiply(self, places: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return products of the live users with the movies of `places`, (chunks, len(live), LANES)
        float32, and each lane's best.

        −inf for the seen.
        """
        starts = range(places.start, places.stop, LANES)
        chunks = self.room(len(starts))
        peaks = np.full(chunks.shape[1:], -np.inf, dtype=np.float32)
        for chunk, start, seen in zip(chunks, starts, self.seen_cells(places), strict=True):
            self.fill(chunk, start, seen)
            np.maximum(peaks, chunk, out=peaks)
        return chunks, peaks

    def room(self, n_chunks: int) -> np.ndarray:
        """Return as many chunks (len(live), LANES) of the buffer."""
        n_live = len(self.live)
        return self.buffer[: n_chunks * n_live].reshape(n_chunks, n_live, LANES)

    def fill(self, chunk: np.ndarray, start: int, seen: np.ndarray) -> None:
        """Put the products of at most LANES movies into a chunk (len(live), LANES)."""
        movies = self.movies.vectors[start : start + LANES]
        np.matmul(self.users.vectors[self.live], movies.T, out=chunk[:, : len(movies)])
        chunk[:, len(movies) :] = -np.inf
        chunk.reshape(-1)[seen] = -np.inf

    def seen_cells(self, places: slice) -> list[np.ndarray]:
        """Return for each chunk of `multiply` where in it the seen are."""
        ends = self.seen.indptr[places.start : places.stop + 1]
        rows = self.live_rows()[self.seen.indices[ends[0] : ends[-1]]]
        lanes = np.repeat(np.arange(len(ends) - 1) % LANES, np.diff(ends))
        cells = rows * LANES + lanes
        return [part[part >= 0] for part in np.split(cells, ends[LANES:-1:LANES] - ends[0])]

    def live_rows(self) -> np.ndarray:
        """Return (B,) each user's row among the live ones, −1 for the others."""
        rows = np.full(len(self.users), -1)
        rows[self.live] = np.arange(len(self.live))
        return rows

    def raise_bar(self) -> None:
        """Raise the bar to the n-th best lane less the slack, rounded down; it is never lowered."""
        live = self.live
        reached = (nth_best(self.peaks, self.n) - self.users.slack[live]).astype(np.float32)
        self.bar[live] = np.maximum(self.bar[live], np.nextafter(reached, np.float32(-np.inf)))

    def read(self, lanes: Lanes, chunks: np.ndarray, start: int) -> Entries:
        """Return the products in these lanes that reach their user's bar; positions are places."""
        cells = lanes.rows * LANES + lanes.numbers
        values = np.take(chunks.reshape(len(chunks), -1), cells, axis=1)
        users = self.live[lanes.rows]
        chunk, hit = np.nonzero(values >= self.bar[users])
        places = start + chunk * LANES + lanes.numbers[hit]
        return Entries(users[hit], places, values[chunk, hit])

    def n_needed(self) -> np.ndarray:
        """Return (len(live),) how many movies, the longest first, are long enough for a product
        that reaches the user's bar.
        """
        shortest = self.bar[self.live] / self.users.reach[self.live]
        return len(self.movies) - np.searchsorted(self.movies.lengths[::-1], shortest)

    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """Return lists of what reaches the last bar, by exact score."""
        entries = Entries.joined(self.entries)
        is_high = entries.scores >= self.bar[entries.rows]
        entries = entries.take(is_high & ~self.unfinished[entries.rows])
        positions = self.movies.positions[entries.positions]
        scores = self.exact_scores(entries.rows, positions)
        return Entries(entries.rows, positions, scores).lists(len(self.users), self.n)

    def exact_scores(self, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return (C,) float32 scores of users by row and movies by position."""
        pairs = self.users.exact[rows], self.movies.exact[positions]
        return np.einsum("cd,cd->c", *pairs).astype(np.float32)


def next_step(left: np.ndarray) -> int:
    """Return how many movies to go on by: as far as a STEP of the users need to, in whole
    chunks.
    """
    n_chunks = np.ceil(np.quantile(left, STEP) / LANES) if len(left) else np.float64(1)
    return int(n_chunks.clip(1, MOST_MOVIES // LANES)) * LANES
