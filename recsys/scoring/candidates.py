"""The best movies of every user by the model, in fixed blocks of users, COPYed into `candidates`
shard by shard.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.db.arrays import write_arrays
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_value
from recsys.features.visible import read_histories, read_withdrawn
from recsys.models.base import Recommender, TopN
from recsys.scoring.shards import Shard
from recsys.scoring.spec import PublicationSpec

_COLUMNS = {
    "publication_key": "text",
    "shard": "integer",
    "user_id": "bigint",
    "movie_id": "bigint",
    "score": "real",
}


@dataclass(frozen=True)
class ShardUsers:
    """The users (U,) of a shard, ids ascending, and the movies that are `withdrawn` from all."""

    shard: Shard
    ids: np.ndarray
    withdrawn: np.ndarray

    @classmethod
    def read(cls, conn: Connection, shard: Shard, users: np.ndarray) -> Self:
        """Take those of the users that are in the shard."""
        return cls(shard, shard.of(users), read_withdrawn(conn))

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
    offered = ~np.isin(model.movie_ids_, users.withdrawn)
    histories = read_histories(conn, spec.week.snapshot, users.ids, model.movie_ids_)
    n = spec.week.top_n
    best = model.recommend(users.ids, n=n, histories=histories, offered=offered)
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
