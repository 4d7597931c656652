"""The best movies of every user by the model, in fixed blocks of users, COPYed into `candidates`
shard by shard.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.ragged import ArrayColumn, RaggedColumn, write_ragged
from recsys.db.rows import fetch_value
from recsys.errors import ModelError
from recsys.features.visible import read_histories, read_withdrawn
from recsys.models.base import BLOCK, Recommender, TopN
from recsys.scoring.shards import Shard
from recsys.scoring.spec import PublicationSpec

_COLUMNS = {
    "publication_key": "text",
    "shard": "integer",
    "user_id": "bigint",
    "movie_ids": "bigint[]",
    "scores": "real[]",
    "reason_kind": "text",
    "cited": "bigint[]",
    "contributions": "real[]",
}

#: Users whose histories and lists are in memory at once: about 60 MB.
AT_ONCE = 4 * BLOCK


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

    def parts(self) -> Iterator[np.ndarray]:
        """Yield the ids of at most AT_ONCE users after another."""
        for start in range(0, len(self.ids), AT_ONCE):
            yield self.ids[start : start + AT_ONCE]


def score_shard(
    conn: Connection, spec: PublicationSpec, model: Recommender, users: ShardUsers
) -> int:
    """Make a shard's candidates; return of how many users. Histories and lists are in memory of
    AT_ONCE users at a time, however many the shard has.

    Each part is a transaction: the shard counts as scored once all are there, and what was cut
    short before begins anew. What another run has scored meanwhile stays, as it may be about to
    publish it.
    """
    statements = queries("publication")
    params = {"publication_key": spec.key, **users.shard.params}
    offered = ~np.isin(model.movie_ids_, users.withdrawn)
    # two runs of one spec would both add theirs
    with advisory_lock(conn, Lock.SCORE, spec.key, users.shard.shard):
        if is_scored(conn, spec, users.shard):
            return 0
        with conn.transaction():
            conn.execute(statements["forget_other_shards"], params)
            conn.execute(statements["forget_shard"], params)
        n_rows = 0
        for ids in users.parts():
            histories = read_histories(conn, spec.week.snapshot, ids, model.movie_ids_)
            best = model.recommend(ids, n=spec.depth, histories=histories, offered=offered)
            n_rows += store(conn, spec, users.shard, columns_of(ids, best))
        conn.execute(statements["record_shard"], {**params, "n_rows": n_rows})
    return n_rows


def columns_of(users: np.ndarray, best: TopN) -> dict[str, RaggedColumn]:
    """Return the users' lists as columns of rows, without users who have none. Raises ModelError
    for a list that is not ranked: the rules of a publication rely on it.
    """
    lengths = (best.ids >= 0).sum(axis=1)
    has_list = lengths > 0
    ids, scores, lengths = best.ids[has_list], best.scores[has_list], lengths[has_list]
    refuse_unranked(users[has_list], ids, scores, lengths)
    return {
        "user_id": users[has_list],
        "movie_ids": ArrayColumn(ids, lengths),
        "scores": ArrayColumn(scores, lengths),
        "reason_kind": None,
        "cited": None,
        "contributions": None,
    }


def refuse_unranked(
    users: np.ndarray, ids: np.ndarray, scores: np.ndarray, lengths: np.ndarray
) -> None:
    """Raise ModelError where scores (U, n) rise, or are equal and ids (U, n) fall, within the
    lengths (U,).
    """
    falls = scores[:, 1:] < scores[:, :-1]
    ties = (scores[:, 1:] == scores[:, :-1]) & (ids[:, 1:] > ids[:, :-1])
    is_listed = np.arange(1, ids.shape[1]) < lengths[:, None]
    unranked = (is_listed & ~(falls | ties)).any(axis=1)
    if unranked.any():
        raise ModelError(
            f"the model's lists of {unranked.sum():,} users are not ranked, that of user "
            f"{users[unranked][0]} among them; expected scores that fall, and ids that rise where "
            "they are equal"
        )


def is_scored(conn: Connection, spec: PublicationSpec, shard: Shard) -> bool:
    """Return whether the shard's candidates are all there."""
    params = {"publication_key": spec.key, **shard.params}
    return fetch_value(conn, bool, queries("publication")["shard_scored"], params)


def store(
    conn: Connection, spec: PublicationSpec, shard: Shard, columns: dict[str, RaggedColumn]
) -> int:
    """Add candidates to a shard; return of how many users."""
    rows: dict[str, RaggedColumn] = {
        "publication_key": spec.key,
        "shard": shard.shard,
        **columns,
    }
    return write_ragged(conn, queries("publication")["copy_candidates"], rows, _COLUMNS)
