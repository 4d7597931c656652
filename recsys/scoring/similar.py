"""The movies that are nearest to each movie: by the champion where it has learned something of a
movie, else by content. Stored with the publication.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.db.arrays import read_arrays, write_arrays
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_value
from recsys.errors import PublicationError
from recsys.features.catalogue import Catalogue
from recsys.features.content_similarity import ContentSimilarity
from recsys.features.interactions import index_of
from recsys.features.visible import read_catalogue
from recsys.models.base import Recommender
from recsys.models.top_n import empty_lists, top_n
from recsys.scoring.spec import PublicationSpec

__all__ = ["forget_similar", "is_stored", "require_similar", "store_similar"]

#: Movies that are kept for each movie.
NEAREST = 50

_COLUMNS = {
    "movie_id": "bigint",
    "rank": "integer",
    "similar_id": "bigint",
    "score": "real",
    "by_content": "integer",
}


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
        pairs = SimilarMovies.of(model, read_catalogue(conn, snapshot), rated).pairs
        with conn.transaction():
            conn.execute(statements["begin_pairs"])
            write_arrays(conn, statements["copy_pairs"], pairs, _COLUMNS)
            conn.execute(statements["store"], params)
            conn.execute(statements["drop_pairs"])
    return len(pairs["movie_id"])


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
