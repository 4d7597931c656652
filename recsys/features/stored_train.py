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
from recsys.db.rows import fetch_row
from recsys.features.interactions import Interactions, index_of
from recsys.features.raters import Raters
from recsys.features.row_hashes import RowHashes
from recsys.features.train import Extent, Train
from recsys.features.visible import read_ratings
from recsys.snapshot import Snapshot


@dataclass(frozen=True)
class _Summary:
    """What the query `summary` has."""

    n_ratings: int
    n_users: int
    oldest: int
    newest: int
    total: Decimal
    parity: int


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
        return read_ratings(self.conn, queries("training")["ratings"], self.params, self.movie_ids)

    def histories(self, user_ids: np.ndarray) -> Interactions:
        """Read the ratings of these users."""
        params = {**self.params, "user_ids": user_ids.tolist()}
        return read_ratings(self.conn, queries("training")["histories"], params, self.movie_ids)

    def held_out(self) -> Interactions:
        """Read what the exam that this is the training side of holds out."""
        return read_ratings(self.conn, queries("training")["held_out"], self.params, self.movie_ids)

    def raters(self) -> Raters:
        """Return how many users rated each movie."""
        columns = {"movie_id": "bigint", "n": "bigint"}
        rows = read_arrays(self.conn, queries("training")["raters"], self.params, columns)
        counts = np.zeros(len(self.movie_ids), dtype=np.int64)
        counts[index_of(self.movie_ids, rows["movie_id"])] = rows["n"]
        return Raters(self.movie_ids, counts, self.summary.n_users)

    def extent(self) -> Extent:
        own = self.summary
        return Extent(own.n_ratings, own.n_users, len(self.movie_ids), own.oldest, own.newest)

    def ratings_digest(self) -> str:
        own = self.summary
        return RowHashes(own.n_ratings, int(own.total), own.parity).digest

    @cached_property
    def summary(self) -> _Summary:
        """Count and digest the ratings, in one reading of them by the server."""
        return fetch_row(self.conn, _Summary, queries("training")["summary"], self.params)
