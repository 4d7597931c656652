"""The best movies of every user by the model, in fixed blocks of users, COPYed into `candidates`
shard by shard.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from recsys.db.arrays import write_arrays
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_value
from recsys.features.interactions import index_of
from recsys.features.visible import read_withdrawn
from recsys.models.base import Recommender, TopN
from recsys.scoring.histories import Histories, ones_csr, read_histories
from recsys.scoring.shards import Shard
from recsys.scoring.spec import PublicationSpec
from recsys.snapshot import Snapshot

_COLUMNS = {
    "publication_key": "text",
    "shard": "integer",
    "user_id": "bigint",
    "movie_id": "bigint",
    "score": "real",
}


@dataclass(frozen=True)
class ShardUsers:
    """The users (U,) of a shard, ids ascending, and the movies that they may not be recommended:
    what each has rated, and what is `withdrawn` from all.
    """

    shard: Shard
    ids: np.ndarray
    histories: Histories
    withdrawn: np.ndarray

    @classmethod
    def read(cls, conn: Connection, snapshot: Snapshot, shard: Shard, users: np.ndarray) -> Self:
        """Read the histories of those of the users that are in the shard."""
        ids = shard.of(users)
        return cls(shard, ids, read_histories(conn, snapshot, ids), read_withdrawn(conn))

    def excluded(self, movie_ids: np.ndarray) -> sparse.csr_matrix:
        """Return (U, M) with an entry for each movie that the user may not be recommended."""
        seen = self.histories.seen(movie_ids)
        if len(self.withdrawn):
            seen += for_everyone(self.withdrawn, movie_ids, len(self.ids))
        return seen

    def columns(self, best: TopN) -> dict[str, np.ndarray]:
        """Return their lists as columns of rows."""
        is_listed = best.ids >= 0
        return {
            "user_id": np.repeat(self.ids, is_listed.sum(axis=1)),
            "movie_id": best.ids[is_listed],
            "score": best.scores[is_listed],
        }


def score_shard(
    conn: Connection, spec: PublicationSpec, model: Recommender, users: ShardUsers
) -> int:
    """Replace a shard's candidates; return how many there are."""
    excluded = users.excluded(model.movie_ids_)
    best = model.recommend(users.ids, n=spec.week.top_n, seen=excluded)
    columns = users.columns(best)
    store(conn, spec, users.shard, columns)
    return len(columns["movie_id"])


def is_scored(conn: Connection, spec: PublicationSpec, shard: Shard) -> bool:
    """Return whether the shard's candidates are all there."""
    params = {"publication_key": spec.key, **shard.params}
    return fetch_value(conn, bool, queries("publication")["shard_scored"], params)


def store(
    conn: Connection, spec: PublicationSpec, shard: Shard, columns: dict[str, np.ndarray]
) -> None:
    """Put candidates in the place of those that the shard had."""
    statements = queries("publication")
    n_rows = len(columns["movie_id"])
    params = {"publication_key": spec.key, **shard.params, "n_rows": n_rows}
    # two runs of one spec would both add theirs
    with advisory_lock(conn, Lock.SCORE, spec.key, shard.shard), conn.transaction():
        conn.execute(statements["forget_other_shards"], params)
        conn.execute(statements["forget_shard"], params)
        rows = {"publication_key": spec.key, "shard": shard.shard, **columns}
        write_arrays(conn, statements["copy_candidates"], rows, _COLUMNS)
        conn.execute(statements["record_shard"], params)


def for_everyone(movies: np.ndarray, movie_ids: np.ndarray, n_users: int) -> sparse.csr_matrix:
    """Return (n_users, M) with an entry for each of the movies in every row."""
    places = index_of(movie_ids, movies)
    places = places[places >= 0]
    ends = np.arange(n_users + 1) * len(places)
    return ones_csr(np.tile(places, n_users), ends, len(movie_ids))
