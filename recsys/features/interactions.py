"""Ratings that a fit may see, as index arrays over sorted ids."""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Interactions:
    """R visible ratings, one a (user, movie), of U users and M movies.

    `user_ids` (U,) and `movie_ids` (M,) are int64, ascending; movies that nobody rated are among them.
    `users`, `movies` (R,) int32 index into them; `ratings` (R,) float32 in stars; `rated_at` (R,) int64 epoch seconds.
    Rows are ordered by user, then movie.
    """

    user_ids: np.ndarray
    movie_ids: np.ndarray
    users: np.ndarray
    movies: np.ndarray
    ratings: np.ndarray
    rated_at: np.ndarray

    @classmethod
    def of(
        cls, user: np.ndarray, movie: np.ndarray, rating: np.ndarray, rated_at: np.ndarray, *, movie_ids: np.ndarray
    ) -> "Interactions":
        """From raw ids; rows of movies that are not in `movie_ids` are left out."""
        position = np.searchsorted(movie_ids, movie).clip(max=max(len(movie_ids) - 1, 0))
        known = movie_ids[position] == movie if len(movie_ids) else np.zeros(len(movie), dtype=bool)
        user, position, rating, rated_at = user[known], position[known], rating[known], rated_at[known]
        user_ids, users = np.unique(user, return_inverse=True)
        order = np.lexsort((position, users))
        return cls(
            user_ids=user_ids.astype(np.int64),
            movie_ids=movie_ids.astype(np.int64),
            users=users[order].astype(np.int32),
            movies=position[order].astype(np.int32),
            ratings=rating[order].astype(np.float32),
            rated_at=rated_at[order].astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.ratings)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.user_ids), len(self.movie_ids)

    @property
    def newest(self) -> int:
        """Epoch seconds of the newest visible rating: what windows and decays are anchored at. 0 where there is none."""
        return int(self.rated_at.max()) if len(self) else 0

    def csr(self, values: np.ndarray | None = None) -> sparse.csr_matrix:
        """(U, M) float32 matrix of `values` (R,), the ratings by default."""
        data = self.ratings if values is None else values.astype(np.float32)
        return sparse.csr_matrix((data, (self.users, self.movies)), shape=self.shape)

    def where(self, mask: np.ndarray) -> "Interactions":
        """The rows of a boolean mask (R,). Users that keep no row are left out; movies all stay."""
        keep, users = np.unique(self.users[mask], return_inverse=True)
        return Interactions(
            user_ids=self.user_ids[keep],
            movie_ids=self.movie_ids,
            users=users.astype(np.int32),
            movies=self.movies[mask],
            ratings=self.ratings[mask],
            rated_at=self.rated_at[mask],
        )

    def seen_by(self, user_ids: np.ndarray) -> sparse.csr_matrix:
        """(len(user_ids), M) matrix with a stored entry for every movie that the user rated; empty rows for unknown users."""
        rows = index_of(self.user_ids, user_ids)
        known = rows >= 0
        seen = sparse.csr_matrix((len(user_ids), self.shape[1]), dtype=np.float32)
        if known.any():
            picked = self.csr(np.ones(len(self)))[rows[known]]
            lengths = np.zeros(len(user_ids), dtype=np.int64)
            lengths[known] = np.diff(picked.indptr)
            indptr = np.concatenate([[0], np.cumsum(lengths)])
            seen = sparse.csr_matrix((picked.data, picked.indices, indptr), shape=(len(user_ids), self.shape[1]))
        return seen

    def fingerprint(self) -> str:
        """Hex digest of everything a fit can see: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        for array in (self.user_ids, self.movie_ids, self.users, self.movies, self.ratings, self.rated_at):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def index_of(sorted_ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Position of each wanted id in `sorted_ids`, −1 where it is not there. int64, shape of `wanted`."""
    if not len(sorted_ids):
        return np.full(np.shape(wanted), -1, dtype=np.int64)
    position = np.searchsorted(sorted_ids, wanted).clip(max=len(sorted_ids) - 1)
    return np.where(sorted_ids[position] == wanted, position, -1)
