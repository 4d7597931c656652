"""What users have rated, one user after another: what a model is given of them."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Histories:
    """What B users have rated, H ratings in all, one user after another.

    User b's are those from `starts[b]` to `starts[b + 1]`, by movie: `movies` (H,) int32 positions
    among `n_movies`, `ratings` (H,) float32 in stars, `rated_at` (H,) int64 epoch seconds.
    """

    starts: np.ndarray
    movies: np.ndarray
    ratings: np.ndarray
    rated_at: np.ndarray
    n_movies: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Return (B,) how many movies each user rated."""
        return np.diff(self.starts)

    @property
    def users(self) -> np.ndarray:
        """Return (H,) int64: the place of each rating's user."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def newest(self) -> np.ndarray:
        """Return (B,) int64 epoch seconds of each user's newest rating, 0 for a user without."""
        newest = np.zeros(len(self), dtype=np.int64)
        np.maximum.at(newest, self.users, self.rated_at)
        return newest

    def where(self, mask: np.ndarray) -> "Histories":
        """Return the ratings of a boolean mask (H,); the users all stay."""
        rows = np.flatnonzero(mask)  # numpy takes by number several times as fast as by mask
        starts = np.searchsorted(rows, self.starts).astype(np.int32)
        columns = (self.movies[rows], self.ratings[rows], self.rated_at[rows])
        return Histories(starts, *columns, n_movies=self.n_movies)

    def rows(self, rows: slice | np.ndarray) -> "Histories":
        """Return those of some users, by places or a mask (B,)."""
        places = np.arange(len(self))[rows]
        lengths = self.lengths[places]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        shifts = self.starts[places] - starts[:-1]
        which = np.arange(starts[-1]) + np.repeat(shifts, lengths)
        columns = (self.movies[which], self.ratings[which], self.rated_at[which])
        return Histories(starts, *columns, n_movies=self.n_movies)

    def csr(self, values: np.ndarray) -> sparse.csr_matrix:
        """Return (B, M) float32 of `values` (H,). May share memory with them."""
        data = values.astype(np.float32, copy=False)
        return ordered_csr(data, self.movies, self.starts, (len(self), self.n_movies))

    def seen(self) -> sparse.csr_matrix:
        """Return (B, M) float32 with a 1 for every rated movie."""
        return self.csr(np.ones(len(self.movies), dtype=np.float32))


def ordered_csr(
    data: np.ndarray, columns: np.ndarray, starts: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return a matrix of rows that are in order, without a copy."""
    matrix = sparse.csr_matrix((data, columns, starts), shape=shape)
    matrix.has_sorted_indices = True
    return matrix
