"""What recipes of movie-to-movie weights share: the strongest weights of each movie, and sparse
matrices as plain arrays.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse

from recsys.models.top_n import top_n

#: Movies whose weights are made at once, so that the memory of a fit does not grow with the square
#: of the catalogue.
MOVIES_AT_ONCE = 512


def strongest(blocks: Iterable[np.ndarray], k: int) -> sparse.csr_matrix:
    """Return (M, M) float32: the k weights largest by size in each column, ties by position.

    `blocks` (b, M) hold the weights of M movies in turn, a movie's own column as a row.
    """
    return sparse.vstack([strongest_of_rows(block, k) for block in blocks], format="csr").T.tocsr()


def strongest_of_rows(block: np.ndarray, k: int) -> sparse.csr_matrix:
    """Return (b, M) of the k weights largest by size in each row."""
    size = np.abs(block)
    positions, _ = top_n(np.where(size > 0, size, -np.inf), k)
    rows, place = np.nonzero(positions >= 0)
    columns = positions[rows, place].astype(np.int32)
    return sparse.csr_matrix(
        (block[rows, columns], (rows.astype(np.int32), columns)),
        shape=block.shape,
        dtype=np.float32,
    )


def weights_at(matrix: Any, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return (K, n) float32: the weights from movies `rows` (K,) to movies `columns` (K, n), in an
    array or in CSR; 0 where a column is −1.
    """
    is_movie = columns >= 0
    from_rows = np.broadcast_to(rows[:, None], columns.shape)[is_movie]
    weights = np.zeros(columns.shape, dtype=np.float32)
    weights[is_movie] = np.asarray(matrix[from_rows, columns[is_movie]]).ravel()
    return weights


def as_arrays(name: str, matrix: sparse.csr_matrix) -> dict[str, np.ndarray]:
    """Return a CSR matrix as arrays for `Recommender.state`; `from_arrays` takes them back."""
    shape = np.array(matrix.shape, dtype=np.int64)
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": shape,
    }


def from_arrays(name: str, state: dict[str, np.ndarray]) -> sparse.csr_matrix:
    """Return the CSR matrix that `as_arrays` was given."""
    parts = tuple(state[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    n_rows, n_columns = state[f"{name}.shape"]
    return sparse.csr_matrix(parts, shape=(int(n_rows), int(n_columns)))
