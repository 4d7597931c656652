"""The best of many scores, exactly: lists by score, then by position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

__all__ = [
    "LANES",
    "LOWEST",
    "MOST_BY_LANES",
    "Entries",
    "Lanes",
    "empty_lists",
    "mask_seen",
    "nth_best",
    "top_n",
]

#: Columns are dealt to this many lanes in turn, and each lane keeps its best: from these few
#: numbers follows which lanes can hold one of a row's n best scores, so that a row is read once and
#: not sorted. Past a quarter as many places, most can.
LANES = 512
MOST_BY_LANES = LANES // 4

#: Lanes besides 2 n that are read one by one.
SPARE_LANES = 64

#: The lowest number that a score can be and be listed.
LOWEST = np.finfo(np.float32).min


@dataclass(frozen=True)
class Entries:
    """C scores that may be listed: `scores` (C,) in `rows` (C,), at `positions` (C,)."""

    rows: np.ndarray
    positions: np.ndarray
    scores: np.ndarray

    @classmethod
    def none(cls) -> "Entries":
        """Return no entries at all."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, nothing, np.empty(0, dtype=np.float32))

    @classmethod
    def joined(cls, parts: Sequence["Entries"]) -> "Entries":
        """Return the entries of all parts."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )

    def take(self, which: np.ndarray) -> "Entries":
        """Return those of a mask (C,), or of places in a new order."""
        return Entries(self.rows[which], self.positions[which], self.scores[which])

    def in_rows(self, rows: np.ndarray) -> "Entries":
        """Return the same entries, those of row i in `rows[i]`."""
        return Entries(rows[self.rows], self.positions, self.scores)

    def ordered(self) -> "Entries":
        """Return the same entries by row, then score, ties by position."""
        return self.take(np.lexsort((self.positions, -self.scores, self.rows)))

    def lists(self, n_rows: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return lists (n_rows, n) of the first n of each row by score, ties by position; −1 and
        −inf past the end.
        """
        ordered = self.ordered()
        starts = np.searchsorted(ordered.rows, np.arange(n_rows))
        place = np.arange(len(ordered.rows)) - starts[ordered.rows]
        is_listed = place < n
        listed = ordered.take(is_listed)
        positions, scores = empty_lists(n_rows, n)
        positions[listed.rows, place[is_listed]] = listed.positions
        scores[listed.rows, place[is_listed]] = listed.scores
        return positions, scores


def empty_lists(n_rows: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (n_rows, n) int64 of −1, and scores (n_rows, n) float32 of −inf."""
    positions = np.full((n_rows, n), -1, dtype=np.int64)
    return positions, np.full((n_rows, n), -np.inf, dtype=np.float32)


def mask_seen(block: np.ndarray, seen: sparse.csr_matrix | None, rows: slice) -> np.ndarray:
    """Return the block with −inf where `seen` has an entry; changes it in place."""
    if seen is not None:
        part = seen[rows]
        block[np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)), part.indices] = -np.inf
    return block


def top_n(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (B, n) int64 and scores (B, n) of the n best in each row of (B, M) float32;
    −1 and −inf past the end.

    Reads the block once, and a row of which very many scores are equal, or any with a large n, more
    often: O(B M) all the same.
    """
    if n > MOST_BY_LANES:
        return of_whole_rows(scores, n).lists(len(scores), n)
    peaks = lane_peaks(scores)
    bar = np.maximum(nth_best(peaks, n), LOWEST)
    lanes = Lanes.to_read(peaks, bar, n)
    crowded = np.flatnonzero(lanes.crowded)
    whole = of_whole_rows(scores[crowded], n).in_rows(crowded)
    return Entries.joined([of_lanes(scores, bar, lanes), whole]).lists(len(scores), n)


def lane_peaks(scores: np.ndarray) -> np.ndarray:
    """Return (B, LANES) the best score in each lane of a row of (B, M)."""
    peaks = np.full((len(scores), LANES), -np.inf, dtype=np.float32)
    for start in range(0, scores.shape[1], LANES):
        chunk = scores[:, start : start + LANES]
        part = peaks[:, : chunk.shape[1]]
        np.maximum(part, chunk, out=part)
    return peaks


def nth_best(peaks: np.ndarray, n: int) -> np.ndarray:
    """Return (B,) the n-th largest of each row of (B, LANES): at least n scores are as large,
    whatever lanes they are in.
    """
    return np.partition(peaks, LANES - n, axis=1)[:, LANES - n]


@dataclass(frozen=True)
class Lanes:
    """L lanes to read: `rows` (L,) and `numbers` (L,).

    Rows that are `crowded` (B,) bool have so many scores that are equal, or nearly, that they are
    better read whole: none of their lanes is here.
    """

    rows: np.ndarray
    numbers: np.ndarray
    crowded: np.ndarray

    @classmethod
    def to_read(cls, peaks: np.ndarray, bar: np.ndarray, n: int) -> "Lanes":
        """Return those of (B, LANES) whose best reaches the row's bar (B,)."""
        rows, numbers = np.divmod(np.flatnonzero(peaks >= bar[:, None]), LANES)
        crowded = np.bincount(rows, minlength=len(peaks)) > 2 * n + SPARE_LANES
        if crowded.any():
            kept = ~crowded[rows]
            return cls(rows[kept], numbers[kept], crowded)
        return cls(rows, numbers, crowded)


def of_lanes(scores: np.ndarray, bar: np.ndarray, lanes: Lanes) -> Entries:
    """Return the scores (B, M) of the lanes that are as large as their row's bar (B,)."""
    columns = lanes.numbers[:, None] + np.arange(0, scores.shape[1], LANES)
    is_outside = columns >= scores.shape[1]
    rows = lanes.rows[:, None]
    values = scores[rows, np.where(is_outside, 0, columns)]
    is_high = (values >= bar[rows]) & ~is_outside
    row, _ = np.nonzero(is_high)
    return Entries(lanes.rows[row], columns[is_high], values[is_high])


def of_whole_rows(scores: np.ndarray, n: int) -> Entries:
    """Return in each row of (B, M) all scores above the n-th best, and the first of those equal to
    it.
    """
    n_kept = min(n, scores.shape[1])
    threshold = np.full((len(scores), 1), np.inf, dtype=np.float32)
    if len(scores) and n_kept:
        threshold = np.partition(scores, -n_kept, axis=1)[:, [-n_kept]]
    above = scores > threshold
    rows, columns = np.nonzero(above | first_equal(scores, threshold, n_kept))
    return Entries(rows, columns, scores[rows, columns])


def first_equal(scores: np.ndarray, threshold: np.ndarray, n: int) -> np.ndarray:
    """Return (B, M) bool: the first n of the scores that equal the row's threshold (B, 1)."""
    equal = (scores == threshold) & (scores >= LOWEST)
    for row in np.flatnonzero(equal.sum(axis=1) > n):
        equal[row, np.flatnonzero(equal[row])[n:]] = False
    return equal
