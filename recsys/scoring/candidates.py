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
from recsys.scoring.reasons import EACH, ListRequest, Reasons, recommend_with_reasons
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
            request = ListRequest(ids, spec.depth, spec.week.top_n, offered)
            best, reasons = recommend_with_reasons(model, request, histories)
            for columns in columns_by_kind(ids, best, reasons):
                n_rows += store(conn, spec, users.shard, columns)
        conn.execute(statements["record_shard"], {**params, "n_rows": n_rows})
    return n_rows


def columns_by_kind(
    users: np.ndarray, best: TopN, reasons: Reasons
) -> Iterator[dict[str, RaggedColumn]]:
    """Yield the users' lists as columns of rows, without users who have none: of those with reasons
    of the model's kind, and of those whose lists go by a rule. Raises ModelError for a list that is
    not ranked: the rules of a publication rely on it.
    """
    lengths = (best.ids >= 0).sum(axis=1)
    refuse_unranked(users, best.ids, best.scores, lengths)
    has_reasons = reasons.has_any
    cited = np.flatnonzero(has_reasons & (lengths > 0))
    yield list_columns(users, best, cited) | reason_columns(reasons, cited, lengths[cited])
    by_rule = np.flatnonzero(~has_reasons & (lengths > 0))
    none: dict[str, RaggedColumn] = {"reason_kind": "rule", "cited": None, "contributions": None}
    yield list_columns(users, best, by_rule) | none


def list_columns(users: np.ndarray, best: TopN, rows: np.ndarray) -> dict[str, RaggedColumn]:
    """Return the columns of some users' lists."""
    ids = best.ids[rows]
    lengths = (ids >= 0).sum(axis=1)
    return {
        "user_id": users[rows],
        "movie_ids": ArrayColumn(ids, lengths),
        "scores": ArrayColumn(best.scores[rows], lengths),
    }


def reason_columns(
    reasons: Reasons, rows: np.ndarray, lengths: np.ndarray
) -> dict[str, RaggedColumn]:
    """Return the columns of the reasons for lists so long; NULL where fewer are cited."""
    cited = reasons.cited[rows]
    places = np.minimum(EACH * lengths, cited.shape[1])
    is_null = cited < 0
    return {
        "reason_kind": reasons.kind,
        "cited": ArrayColumn(cited, places, is_null),
        "contributions": ArrayColumn(reasons.contributions[rows], places, is_null),
    }


def refuse_unranked(
    users: np.ndarray, ids: np.ndarray, scores: np.ndarray, lengths: np.ndarray
) -> None:
    """Raise ModelError where scores (U, n) rise, or are equal and ids (U, n) fall, within the
    lengths (U,); or where an id is there twice.
    """
    falls = scores[:, 1:] < scores[:, :-1]
    ties = (scores[:, 1:] == scores[:, :-1]) & (ids[:, 1:] > ids[:, :-1])
    is_listed = np.arange(1, ids.shape[1]) < lengths[:, None]
    in_order = np.sort(ids, axis=1)
    is_twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)
    unranked = (is_listed & ~(falls | ties)).any(axis=1) | is_twice.any(axis=1)
    if unranked.any():
        raise ModelError(
            f"the model's lists of {unranked.sum():,} users are not ranked, that of user "
            f"{users[unranked][0]} among them; expected scores that fall, ids that rise where they "
            "are equal, and no id twice"
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
