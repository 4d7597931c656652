"""What users have rated, for the movies that they may not be recommended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from psycopg.rows import class_row
from scipy import sparse

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.features.interactions import index_of
from recsys.snapshot import Snapshot

#: Bytes of a movie id in a history.
ID_BYTES = 8


class History(NamedTuple):
    """A user's rated movies: their ids, big-endian, one after another."""

    user_id: int
    movies: bytes

    @property
    def n_movies(self) -> int:
        return len(self.movies) // ID_BYTES


@dataclass(frozen=True)
class Histories:
    """The ids of the movies that U users have rated, one user after another.

    `movies` (R,) int64, a movie twice where a user rated it twice; `ends` (U,) where each user's
    end.
    """

    movies: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[History], users: np.ndarray) -> Self:
        """Put the histories in the order of `users` (U,), ids ascending; some may have none."""
        rated = np.array([row.user_id for row in rows], dtype=np.int64)
        lengths = np.zeros(len(users), dtype=np.int64)
        lengths[index_of(users, rated)] = [row.n_movies for row in rows]
        ids = b"".join(row.movies for row in rows)
        return cls(np.frombuffer(ids, dtype=">i8").astype(np.int64), np.cumsum(lengths))

    def seen(self, movie_ids: np.ndarray) -> sparse.csr_matrix:
        """Return (U, M) float32 with an entry for every one of these movies that the user rated.

        `movie_ids` (M,), ascending.
        """
        places = index_of(movie_ids, self.movies)
        is_listed = places >= 0
        n_listed = np.concatenate([[0], np.cumsum(is_listed)])
        ends = n_listed[np.concatenate([[0], self.ends])]
        seen = ones_csr(places[is_listed], ends, len(movie_ids))
        seen.sum_duplicates()
        return seen


def read_histories(conn: Connection, snapshot: Snapshot, users: np.ndarray) -> Histories:
    """Read which movies these users have rated in the snapshot. `users`: ids, ascending."""
    params = {**snapshot.params, "user_ids": users.tolist()}
    with conn.cursor(binary=True, row_factory=class_row(History)) as cursor:
        rows = cursor.execute(queries("publication")["histories"], params).fetchall()
    return Histories.of(rows, users)


def ones_csr(indices: np.ndarray, indptr: np.ndarray, n_columns: int) -> sparse.csr_matrix:
    """Return float32 ones at the columns `indices`, row after row."""
    ones = np.ones(len(indices), dtype=np.float32)
    return sparse.csr_matrix((ones, indices, indptr), shape=(len(indptr) - 1, n_columns))
