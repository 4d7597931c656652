"""The movies that are nearest to each movie: by the champion where it has learned something of a
movie, else by content. Stored with the publication.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from recsys.db.arrays import read_arrays, write_arrays
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_value
from recsys.errors import PublicationError
from recsys.features.catalogue import Catalogue
from recsys.features.common_raters import USERS_AT_ONCE, common_raters
from recsys.features.content_similarity import ContentSimilarity
from recsys.features.interactions import index_of
from recsys.features.visible import read_catalogue, read_users
from recsys.models.base import Recommender
from recsys.models.top_n import empty_lists, top_n
from recsys.scoring.spec import PublicationSpec
from recsys.snapshot import Snapshot

__all__ = ["forget_similar", "is_stored", "require_similar", "store_similar"]

#: Movies that are kept for each movie.
NEAREST = 50

_COLUMNS = {
    "movie_id": "bigint",
    "rank": "integer",
    "similar_id": "bigint",
    "score": "real",
    "by_content": "integer",
    "n_raters": "integer",
}


class _Rated(NamedTuple):
    """What a user had rated: movie ids of 8 bytes, one after another."""

    user_id: int
    movie_ids: bytes


@dataclass(frozen=True)
class SimilarMovies:
    """The nearest of M movies: `ids` and `scores` (M, n), −1 and −inf past the end; `by_content`
    (M,) bool says which are by content.
    """

    movie_ids: np.ndarray
    ids: np.ndarray
    scores: np.ndarray
    by_content: np.ndarray

    @classmethod
    def of(cls, model: Recommender, catalogue: Catalogue, rated: np.ndarray) -> Self:
        """Take the model's for the movies that somebody `rated` (ids), where it has any."""
        positions, scores = empty_lists(len(catalogue), NEAREST)
        by_model = model.similar(NEAREST)
        if by_model is not None:
            rows = index_of(catalogue.movie_ids, model.movie_ids_)
            is_taken = (rows >= 0) & np.isin(model.movie_ids_, rated)
            positions[rows[is_taken]] = index_of(catalogue.movie_ids, by_model.ids[is_taken])
            scores[rows[is_taken]] = by_model.scores[is_taken]
        by_content = positions[:, 0] < 0
        rest = np.flatnonzero(by_content)
        for part, block in ContentSimilarity.of(catalogue).blocks(rest):
            positions[rest[part]], scores[rest[part]] = top_n(block, NEAREST)
        ids = np.where(positions >= 0, catalogue.movie_ids[positions], -1)
        return cls(catalogue.movie_ids, ids, scores, by_content)

    @property
    def pairs(self) -> dict[str, np.ndarray]:
        """Return every pair of movies as columns of rows."""
        is_listed = self.ids >= 0
        rows, places = np.nonzero(is_listed)
        return {
            "movie_id": self.movie_ids[rows],
            "rank": places + 1,
            "similar_id": self.ids[is_listed],
            "score": self.scores[is_listed],
            "by_content": self.by_content[rows].astype(np.int32),
        }


def store_similar(conn: Connection, spec: PublicationSpec, model: Recommender) -> int:
    """Store the similar movies of a publication, unless they are there; return how many pairs."""
    statements = queries("similar")
    params = {"publication_key": spec.key}
    with advisory_lock(conn, Lock.SCORE, spec.key, "similar"):
        if is_stored(conn, spec):
            return 0
        snapshot = spec.week.snapshot
        columns = {"movie_id": "bigint"}
        rated = read_arrays(conn, statements["rated_movies"], snapshot.params, columns)["movie_id"]
        catalogue = read_catalogue(conn, snapshot)
        pairs = SimilarMovies.of(model, catalogue, rated).pairs
        pairs["n_raters"] = count_raters(conn, snapshot, catalogue.movie_ids, pairs)
        with conn.transaction():
            conn.execute(statements["begin_pairs"])
            write_arrays(conn, statements["copy_pairs"], pairs, _COLUMNS)
            conn.execute(statements["store"], params)
            conn.execute(statements["drop_pairs"])
    return len(pairs["movie_id"])


def count_raters(
    conn: Connection, snapshot: Snapshot, movie_ids: np.ndarray, pairs: dict[str, np.ndarray]
) -> np.ndarray:
    """Return (K,) int32: how many users had rated both movies of each of K pairs.

    Rated, not liked: what a recipe makes of a rating is its own, and this is the same for all.
    """
    sides = [index_of(movie_ids, pairs[side]) for side in ("movie_id", "similar_id")]
    rated = read_rated(conn, snapshot, movie_ids)
    return common_raters(rated, np.column_stack(sides), len(movie_ids))


def read_rated(
    conn: Connection, snapshot: Snapshot, movie_ids: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield who rated what for some users after others: their numbers among these, and positions of
    movies.
    """
    query = queries("similar")["rated"]
    user_ids = read_users(conn, snapshot)
    for start in range(0, len(user_ids), USERS_AT_ONCE):
        ids = user_ids[start : start + USERS_AT_ONCE]
        params = {**snapshot.params, "first": int(ids[0]), "last": int(ids[-1])}
        rows = fetch_rows(conn, _Rated, query, params, binary=True)
        numbers = index_of(ids, np.array([row.user_id for row in rows], dtype=np.int64))
        users = np.repeat(numbers, [len(row.movie_ids) // 8 for row in rows])
        rated = np.frombuffer(b"".join(row.movie_ids for row in rows), dtype=">i8")
        movies = index_of(movie_ids, rated.astype(np.int64))
        # a user may have been erased since, or a rating's movie have no row
        is_known = (users >= 0) & (movies >= 0)
        yield users[is_known], movies[is_known]


def is_stored(conn: Connection, spec: PublicationSpec) -> bool:
    """Return whether the similar movies of a publication are there."""
    params = {"publication_key": spec.key}
    return fetch_value(conn, bool, queries("similar")["is_stored"], params)


def require_similar(conn: Connection, spec: PublicationSpec) -> None:
    """Raise PublicationError where the similar movies are not there."""
    if not is_stored(conn, spec):
        raise PublicationError(
            f"week {spec.week.as_of}: no similar movies; run find_similar_movies, then this step"
        )


def forget_similar(conn: Connection) -> None:
    """Remove those whose publications are gone."""
    conn.execute(queries("similar")["forget"])
