"""The ratings that a fit may see, as they lie in Postgres: counted and digested there, and read for
a fit alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from recsys.db.arrays import read_arrays
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_value
from recsys.errors import LedgerError
from recsys.features.interactions import Interactions, index_of
from recsys.features.raters import Raters
from recsys.features.row_hashes import RowHashes
from recsys.features.train import Extent, Train
from recsys.features.visible import read_ratings
from recsys.snapshot import Snapshot


@dataclass(frozen=True)
class _OfMovie:
    """A rated movie: its raters, the epoch seconds of the first and last rating, and the sum of its
    rows' hashes.
    """

    movie_id: int
    n_ratings: int
    oldest: int
    newest: int
    total: Decimal


@dataclass(frozen=True)
class StoredTrain(Train):
    """A snapshot's ratings of some movies, `movie_ids` (M,) int64 ascending, as they were before
    the `cut`; without a cut, all but each user's newest.
    """

    conn: Connection
    snapshot: Snapshot
    cut: datetime | None
    movie_ids: np.ndarray
    like_threshold: float

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """Return the parameters of the queries on it."""
        own = {"cut": self.cut, "movie_ids": self.movie_ids.tolist()}
        return self.snapshot.params | own

    def interactions(self) -> Interactions:
        """Read all ratings. Raises LedgerError where they are others than those that were counted:
        what is fitted must be what its fit key says.
        """
        query = queries("training")["ratings"]
        ratings = read_ratings(self.conn, query, self.params, self.movie_ids)
        if len(ratings) != self.n_ratings:
            raise LedgerError(
                f"{len(ratings):,} ratings before {self.cut}, expected the {self.n_ratings:,} that "
                "were there when they were counted: facts have changed meanwhile (an erased "
                "user?); run the step again"
            )
        return ratings

    def users(self, least: int) -> np.ndarray:
        """Return (U,) int64, ascending: the users who have at least so many ratings."""
        params = {**self.params, "least": least}
        query = queries("training")["users"]
        return read_arrays(self.conn, query, params, {"user_id": "bigint"})["user_id"]

    def histories(self, user_ids: np.ndarray) -> Interactions:
        """Read the ratings of these users."""
        params = {**self.params, "user_ids": user_ids.tolist()}
        return read_ratings(self.conn, queries("training")["histories"], params, self.movie_ids)

    def newest_of_each(self) -> Interactions:
        """Read each user's newest ratings, which are held out where there is no cut."""
        query = queries("training")["newest_of_each"]
        return read_ratings(self.conn, query, self.params, self.movie_ids)

    @property
    def raters(self) -> Raters:
        """Return how many users rated each movie."""
        counts = np.zeros(len(self.movie_ids), dtype=np.int64)
        rated = np.array([row.movie_id for row in self.by_movie], dtype=np.int64)
        counts[index_of(self.movie_ids, rated)] = [row.n_ratings for row in self.by_movie]
        return Raters(self.movie_ids, counts, self.n_users)

    @property
    def n_ratings(self) -> int:
        """Return how many ratings there are."""
        return sum(row.n_ratings for row in self.by_movie)

    def extent(self) -> Extent:
        oldest = min((row.oldest for row in self.by_movie), default=0)
        newest = max((row.newest for row in self.by_movie), default=0)
        return Extent(self.n_ratings, self.n_users, len(self.movie_ids), oldest, newest)

    def ratings_digest(self) -> str:
        total = sum(int(row.total) for row in self.by_movie)
        return RowHashes(self.n_ratings, total).digest

    @cached_property
    def by_movie(self) -> list[_OfMovie]:
        """Count and digest the ratings, in one reading of them by the server."""
        return fetch_rows(self.conn, _OfMovie, queries("training")["by_movie"], self.params)

    @cached_property
    def n_users(self) -> int:
        """Count the users. Where each one's newest ratings are held out, everyone keeps some."""
        params = {**self.params, "before": self.cut or self.snapshot.as_of}
        return fetch_value(self.conn, int, queries("training")["n_users"], params)
