"""The ratings that a fit may see, as they lie in Postgres: counted and digested there, and read for
a fit alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import compress
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
from recsys.features.train import Extent, Train, extent_of
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
        """Read all ratings, or hand over what was read ahead."""
        ahead = vars(self).pop("ahead", None)
        return self.read_all() if ahead is None else ahead

    def read_ahead(self) -> None:
        """Read all ratings for a fit that is sure to be made, and count and digest them here: it
        takes a tenth of the time that the server needs.
        """
        ratings = self.read_all()
        vars(self).update(
            ahead=ratings,
            hashes=RowHashes.of(ratings),
            counted=extent_of(ratings),
            history_lengths=(ratings.user_ids, ratings.n_rated),
        )

    def read_all(self) -> Interactions:
        """Read all ratings. Raises LedgerError where they are others than those that were counted:
        what is fitted must be what its fit key says.
        """
        query = queries("training")["ratings"]
        ratings = read_ratings(self.conn, query, self.params, self.movie_ids)
        if "hashes" in vars(self) and len(ratings) != self.n_ratings:
            raise LedgerError(
                f"{len(ratings):,} ratings before {self.cut}, expected the {self.n_ratings:,} that "
                "were there when they were counted: facts have changed meanwhile (an erased "
                "user?); run the step again"
            )
        return ratings

    def users(self, least: int) -> np.ndarray:
        """Return (U,) int64, ascending: the users who have at least so many ratings."""
        user_ids, lengths = self.history_lengths
        return user_ids[lengths >= least]

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
        return self.hashes.n_rows

    def extent(self) -> Extent:
        return self.counted

    def ratings_digest(self) -> str:
        return self.hashes.digest

    @cached_property
    def by_movie(self) -> list[_OfMovie]:
        """Count and digest the ratings, in one reading of them by the server."""
        rows = fetch_rows(self.conn, _OfMovie, queries("training")["by_movie"], self.params)
        ids = np.array([row.movie_id for row in rows], dtype=np.int64)
        is_listed = index_of(self.movie_ids, ids) >= 0
        return list(compress(rows, is_listed))

    @cached_property
    def hashes(self) -> RowHashes:
        """Return the count and the digest of the ratings."""
        n_rows = sum(row.n_ratings for row in self.by_movie)
        return RowHashes(n_rows, sum(int(row.total) for row in self.by_movie))

    @cached_property
    def counted(self) -> Extent:
        """Return how much there is."""
        oldest = min((row.oldest for row in self.by_movie), default=0)
        newest = max((row.newest for row in self.by_movie), default=0)
        return Extent(self.n_ratings, self.n_users, len(self.movie_ids), oldest, newest)

    @cached_property
    def n_users(self) -> int:
        """Count the users. Where each one's newest ratings are held out, everyone keeps some."""
        params = {**self.params, "before": self.cut or self.snapshot.as_of}
        return fetch_value(self.conn, int, queries("training")["n_users"], params)

    @cached_property
    def history_lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (U,) int64 users, ascending, and how many ratings each has."""
        columns = {"user_id": "bigint", "n": "bigint"}
        query = queries("training")["history_lengths"]
        rows = read_arrays(self.conn, query, self.params, columns)
        return rows["user_id"], rows["n"]
