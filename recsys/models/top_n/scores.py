"""The best of many scores, exactly: lists by score, then by position."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

#: Columns are dealt to this many lanes in turn, and each lane keeps its best: which lanes can hold
#: one of a row's n best scores is told by these few numbers, so that a row is read once and not
#: sorted. Past a quarter as many places, most can.
LANES = 512
MOST_BY_LANES = LANES // 4

#: Lanes besides 2 n that are read one by one.
SPARE_LANES = 64

#: The lowest number that a score can be and be listed.
LOWEST = np.finfo(np.float32).min

#: Rows (C,), positions (C,) and scores (C,) of what may be listed.
Candidates = tuple[np.ndarray, np.ndarray, np.ndarray]


def mask_seen(block: np.ndarray, seen: sparse.csr_matrix | None, rows: slice) -> np.ndarray:
    """The block with −inf where `seen` has an entry; changes it in place."""
    if seen is not None:
        part = seen[rows]
        block[np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)), part.indices] = -np.inf
    return block


def top_n(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (B, n) int64 and scores (B, n) of the n best in each row of (B, M) float32; −1 and
    −inf past the end.

    Reads the block once, and a row of which very many scores are equal, or any with a large n, more
    often: O(B M) all the same.
    """
    if n > MOST_BY_LANES:
        return in_order(_from_threshold(scores, n), len(scores), n)
    peaks = _lane_peaks(scores)
    bar = np.maximum(nth_best(peaks, n), LOWEST)
    rows, lanes, crowded = lanes_to_read(peaks, bar, n)
    candidates = [_from_lanes(scores, bar, rows, lanes)]
    if crowded.any():
        whole = np.flatnonzero(crowded)
        rows, columns, values = _from_threshold(scores[whole], n)
        candidates.append((whole[rows], columns, values))
    return in_order(joined(candidates), len(scores), n)


def _lane_peaks(scores: np.ndarray) -> np.ndarray:
    """Return (B, LANES) the best score in each lane of a row of (B, M)."""
    peaks = np.full((len(scores), LANES), -np.inf, dtype=np.float32)
    for start in range(0, scores.shape[1], LANES):
        chunk = scores[:, start : start + LANES]
        part = peaks[:, : chunk.shape[1]]
        np.maximum(part, chunk, out=part)
    return peaks


def nth_best(peaks: np.ndarray, n: int) -> np.ndarray:
    """(B,) the n-th largest of each row of (B, LANES): at least n scores are as large, whatever
    lanes they are in.
    """
    return np.partition(peaks, LANES - n, axis=1)[:, LANES - n]


def lanes_to_read(
    peaks: np.ndarray, bar: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (L,) and lanes (L,) of (B, LANES) whose best reaches the row's bar; and (B,) bool which
    rows are crowded.

    These have so many that are equal, or nearly, that they are better read whole: none of their
    lanes is given.
    """
    rows, lanes = np.divmod(np.flatnonzero(peaks >= bar[:, None]), LANES)
    crowded = np.bincount(rows, minlength=len(peaks)) > 2 * n + SPARE_LANES
    if crowded.any():
        rows, lanes = rows[~crowded[rows]], lanes[~crowded[rows]]
    return rows, lanes, crowded


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all parts."""
    rows, positions, scores = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(positions), np.concatenate(scores)


def in_order(candidates: Candidates, n_rows: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists (n_rows, n) of the first n of each row's candidates by score, ties by position; −1 and
    −inf past the end.
    """
    rows, positions, scores = candidates
    order = np.lexsort((positions, -scores, rows))
    rows, positions, scores = rows[order], positions[order], scores[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, np.arange(n_rows))[rows]
    keep = place < n
    listed = np.full((n_rows, n), -1, dtype=np.int64)
    best = np.full((n_rows, n), -np.inf, dtype=np.float32)
    listed[rows[keep], place[keep]] = positions[keep]
    best[rows[keep], place[keep]] = scores[keep]
    return listed, best


def _from_lanes(
    scores: np.ndarray, bar: np.ndarray, rows: np.ndarray, lanes: np.ndarray
) -> Candidates:
    """Those of the given lanes (L,) of rows (L,): scores as large as their row's bar."""
    columns = lanes[:, None] + np.arange(0, scores.shape[1], LANES)
    n_columns = scores.shape[1]
    values = scores[rows[:, None], columns.clip(max=n_columns - 1)]
    values = np.where(columns < n_columns, values, -np.inf)
    hit, part = np.nonzero(values >= bar[rows, None])
    return rows[hit], columns[hit, part], values[hit, part]


def _from_threshold(scores: np.ndarray, n: int) -> Candidates:
    """Those of whole rows: all scores above the n-th best, and the first of those equal to it."""
    n_kept = min(n, scores.shape[1])
    threshold = np.full((len(scores), 1), np.inf, dtype=np.float32)
    if len(scores) and n_kept:
        threshold = np.partition(scores, -n_kept, axis=1)[:, [-n_kept]]
    above = scores > threshold
    equal = (scores == threshold) & (scores >= LOWEST)
    for row in np.flatnonzero(equal.sum(axis=1) > n_kept):
        equal[row, np.flatnonzero(equal[row])[n_kept:]] = False
    rows, columns = np.nonzero(above | equal)
    return rows, columns, scores[rows, columns]
