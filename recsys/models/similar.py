"""The movies that are nearest to each movie, exactly: by vectors, or by weights."""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

from recsys.models.top_n import Eligibility, best_products, empty_lists, top_n

__all__ = ["nearest_by_vectors", "nearest_by_weights"]


def nearest_by_vectors(
    vectors: np.ndarray, has_vector: np.ndarray, n: int, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and cosines (M, n) of the vectors (M, d) nearest to each, ties by position,
    among those of a mask (M,); −1 and −inf past the end, and for a movie without a vector.
    """
    positions, scores = empty_lists(len(vectors), n)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    has_direction = has_vector & (lengths[:, 0] > 0)
    rows = np.flatnonzero(has_direction)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    ones, starts = np.ones(len(rows), dtype=np.float32), np.arange(len(rows) + 1)
    own = sparse.csr_matrix((ones, rows, starts), shape=(len(rows), len(vectors)))
    eligible = Eligibility(has_direction, own)
    best = best_products(directions[rows], directions, n, eligible, threads)
    positions[rows], scores[rows] = best[0], np.minimum(best[1], 1)
    return positions, scores


def nearest_by_weights(
    blocks: Iterable[np.ndarray], places: np.ndarray, n_movies: int, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and weights (M, n) of the largest, ties by position; −1 and −inf past the
    end. `blocks` (b, m) hold the weights of m movies with each other in turn, 0 for none, and
    `places` (m,), ascending, where these are among M.
    """
    positions, scores = empty_lists(n_movies, n)
    start = 0
    for block in blocks:
        rows = places[start : start + len(block)]
        start += len(block)
        best, scores[rows] = top_n(np.where(block == 0, -np.inf, block), n)
        positions[rows] = np.where(best >= 0, places[best], -1)
    return positions, scores
