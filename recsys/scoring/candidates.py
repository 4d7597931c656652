"""The best movies of every user by the model, in fixed blocks of users, COPYed into `candidates`
shard by shard.
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recsys.db.arrays import write_arrays
from recsys.db.connect import Connection, Lock, advisory_lock, one_row
from recsys.db.queries import queries
from recsys.features.interactions import index_of
from recsys.models.base import BLOCK, Recommender, TopN
from recsys.promotion.ledger import ModelVersion
from recsys.snapshot import Snapshot
from recsys.week import WeekPlan

_COLUMNS = {
    "publication_key": "text",
    "shard": "integer",
    "user_id": "bigint",
    "movie_id": "bigint",
    "score": "real",
}


@dataclass(frozen=True)
class PublicationSpec:
    """What makes a publication: equal specs are the same publication, however often it is made.

    `promotion_id` names the decision that made the model champion; None is a challenger's own
    publication, which no reader sees. `challenger` is the publication of the week's experiment from
    which the users in its share get their lists.
    """

    week: WeekPlan
    model: ModelVersion
    promotion_id: int | None
    challenger: "PublicationSpec | None" = None

    @property
    def params(self) -> dict[str, object]:
        """What was asked of the publication, JSON-ready."""
        names = ("top_n", "min_history", "like_threshold", "half_life_days")
        return {name: getattr(self.week, name) for name in names}

    @property
    def share(self) -> float:
        """Share of the users that the challenger has."""
        return self.week.experiment.share if self.challenger and self.week.experiment else 0.0

    @property
    def experiment(self) -> str | None:
        """Name of the experiment that the publication is part of."""
        takes_part = self.challenger is not None or self.promotion_id is None
        return self.week.experiment.name if takes_part and self.week.experiment else None

    @property
    def arm(self) -> str | None:
        """Whose lists these are while an experiment lasts."""
        if self.experiment is None:
            return None
        return "challenger" if self.promotion_id is None else "champion"

    @property
    def key(self) -> str:
        """A digest of as_of, watermark, parameters, model, and of the experiment while one
        lasts.
        """
        made_of: list[object] = [
            self.week.as_of.isoformat(),
            self.week.watermark,
            self.params,
            self.model.fit_key,
        ]
        if self.experiment:
            made_of += [
                self.experiment,
                self.share,
                self.challenger.key if self.challenger else "shadow",
            ]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


def shard_count(n_users: int, at_most: int) -> int:
    """Return how many shards hold a user, at least 1: they are made of whole blocks of users."""
    n_blocks = -(-n_users // BLOCK)
    return max(1, min(at_most, n_blocks))


def shard_of(users: np.ndarray, shard: int, n_shards: int) -> np.ndarray:
    """The users of a shard: every n_shards-th block, so that blocks are the same whatever the
    number of shards.
    """
    return users[(np.arange(len(users)) // BLOCK) % n_shards == shard]


@dataclass(frozen=True)
class Histories:
    """The ids of the movies that users have rated: those of the first user, then the second's, and
    so on.

    `movies` (R,) int64, a movie twice where a user rated it twice; `ends` (U,) where each user's
    end, for U users.
    """

    movies: np.ndarray
    ends: np.ndarray

    def seen(self, movie_ids: np.ndarray) -> sparse.csr_matrix:
        """(U, M) float32 with an entry for every one of these movies that the user rated.
        `movie_ids`: (M,), ascending.
        """
        places = index_of(movie_ids, self.movies)
        known = places >= 0
        n_known = np.concatenate([[0], np.cumsum(known)])
        indptr = n_known[np.concatenate([[0], self.ends])]
        shape = len(self.ends), len(movie_ids)
        seen = sparse.csr_matrix(
            (np.ones(indptr[-1], dtype=np.float32), places[known], indptr), shape=shape
        )
        seen.sum_duplicates()
        return seen


def read_histories(conn: Connection, snapshot: Snapshot, users: np.ndarray) -> Histories:
    """What the week may know that these users have rated. `users`: ids, ascending."""
    with conn.cursor(binary=True) as cursor:
        found = cursor.execute(
            queries("publication")["histories"], {**snapshot.params, "user_ids": users.tolist()}
        ).fetchall()
    lengths = np.zeros(len(users), dtype=np.int64)
    lengths[index_of(users, np.array([row.user_id for row in found], dtype=np.int64))] = [
        len(row.movies) // 8 for row in found
    ]
    movies = np.frombuffer(b"".join(row.movies for row in found), dtype=">i8").astype(np.int64)
    return Histories(movies, np.cumsum(lengths))


def score_shard(
    conn: Connection,
    spec: PublicationSpec,
    model: Recommender,
    users: np.ndarray,
    histories: Histories,
    withdrawn: np.ndarray,
    *,
    shard: int,
    n_shards: int,
) -> int:
    """Put a shard's candidates in place of what it had; return how many there are. `users`: the
    shard's, with their histories.
    """
    seen = histories.seen(model.movie_ids_)
    if len(withdrawn):
        seen += _for_everyone(withdrawn, model.movie_ids_, len(users))
    best = model.recommend(users, n=spec.week.top_n, seen=seen)
    keys = {"publication_key": spec.key, "shard": shard}
    n_rows = int((best.ids >= 0).sum())
    # two runs of one spec would both add theirs
    with advisory_lock(conn, Lock.SCORE, spec.key, shard), conn.transaction():
        conn.execute(queries("publication")["forget_other_shards"], keys | {"n_shards": n_shards})
        conn.execute(queries("publication")["forget_shard"], keys)
        write_arrays(
            conn, queries("publication")["copy_candidates"], _columns(keys, users, best), _COLUMNS
        )
        conn.execute(
            queries("publication")["record_shard"], keys | {"n_shards": n_shards, "n_rows": n_rows}
        )
    return n_rows


def is_scored(conn: Connection, spec: PublicationSpec, *, shard: int, n_shards: int) -> bool:
    """Whether the shard's candidates are all there."""
    return one_row(
        conn,
        queries("publication")["shard_scored"],
        {"publication_key": spec.key, "shard": shard, "n_shards": n_shards},
    ).done


def _for_everyone(movies: np.ndarray, movie_ids: np.ndarray, n_users: int) -> sparse.csr_matrix:
    """(n_users, M) with an entry for each of the movies in every row."""
    places = index_of(movie_ids, movies)
    places = places[places >= 0]
    indices, indptr = np.tile(places, n_users), np.arange(n_users + 1) * len(places)
    return sparse.csr_matrix(
        (np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(n_users, len(movie_ids))
    )


def _columns(
    keys: dict[str, str | int], users: np.ndarray, best: TopN
) -> dict[str, np.ndarray | str | int]:
    listed = best.ids >= 0
    return {
        **keys,
        "user_id": np.repeat(users, listed.sum(axis=1)),
        "movie_id": best.ids[listed],
        "score": best.scores[listed],
    }
