"""The facts of a snapshot, out of Postgres: interactions at bulk speed, and the catalogue."""

from collections.abc import Mapping
from typing import Any, LiteralString, NamedTuple

import numpy as np

from recsys.db.arrays import TO_2000, read_arrays
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions
from recsys.snapshot import Snapshot

_RATING_COLUMNS = {
    "user_id": "bigint",
    "movie_id": "bigint",
    "rating": "real",
    "rated_at": "timestamptz",
}


#: A rating as the query `histories` packs it, and as it is here.
_RATING = np.dtype([("movie_id", ">i8"), ("rating", ">f4"), ("rated_at", ">i8")])
_RATING_TYPES = {"movie_id": np.int64, "rating": np.float32, "rated_at": np.int64}


class _History(NamedTuple):
    """A user's ratings, packed one after another."""

    user_id: int
    ratings: bytes


class Movie(NamedTuple):
    """A movie, with what MovieLens and IMDb state of it."""

    movie_id: int
    title: str
    year: int | None
    runtime: int | None  # minutes
    genres: list[str]


def read_interactions(conn: Connection, snapshot: Snapshot, movie_ids: np.ndarray) -> Interactions:
    """Return the newest visible rating of each user and movie, over the movies given."""
    return read_ratings(conn, queries("visible")["ratings"], snapshot.params, movie_ids)


def read_rerated(conn: Connection, snapshot: Snapshot, movie_ids: np.ndarray) -> Interactions:
    """Return those of pairs that were ever rated more than once, even after the week."""
    return read_ratings(conn, queries("visible")["rerated"], snapshot.params, movie_ids)


def read_ratings(
    conn: Connection, query: LiteralString, params: Mapping[str, Any], movie_ids: np.ndarray
) -> Interactions:
    """Return what a query has of user, movie, rating and time, over the movies given."""
    rows = read_arrays(conn, query, params, _RATING_COLUMNS)
    # numpy's own way from microseconds to seconds takes 20 times as long
    rated_at = rows["rated_at"].view(np.int64) // 1_000_000
    return Interactions.of(
        rows["user_id"], rows["movie_id"], rows["rating"], rated_at, movie_ids=movie_ids
    )


def read_histories(
    conn: Connection, snapshot: Snapshot, users: np.ndarray, movie_ids: np.ndarray
) -> Interactions:
    """Return what these users (ids) have rated in the snapshot, over the movies given."""
    params = {**snapshot.params, "user_ids": users.tolist()}
    rows = fetch_rows(conn, _History, queries("visible")["histories"], params, binary=True)
    lengths = [len(row.ratings) // _RATING.itemsize for row in rows]
    user_ids = np.repeat(np.array([row.user_id for row in rows], dtype=np.int64), lengths)
    rated = np.frombuffer(b"".join(row.ratings for row in rows), dtype=_RATING)
    columns = [rated[name].astype(kind) for name, kind in _RATING_TYPES.items()]
    columns[-1] = (columns[-1] + TO_2000) // 1_000_000
    return Interactions.of(user_ids, *columns, movie_ids=movie_ids)


def read_users(conn: Connection, snapshot: Snapshot) -> np.ndarray:
    """Return (U,) int64, ascending: every user of the snapshot."""
    rows = read_arrays(conn, queries("visible")["users"], snapshot.params, {"user_id": "bigint"})
    return rows["user_id"]


def read_withdrawn(conn: Connection) -> np.ndarray:
    """Return (W,) int64, ascending: movies that may no longer be recommended."""
    rows = read_arrays(conn, queries("visible")["withdrawn"], {}, {"movie_id": "bigint"})
    return rows["movie_id"]


def read_catalogue(conn: Connection, snapshot: Snapshot) -> Catalogue:
    """Return all movies of the snapshot, with their content."""
    movies = fetch_rows(conn, Movie, queries("visible")["movies"], snapshot.params)
    movie_ids = np.array([movie.movie_id for movie in movies], dtype=np.int64)
    directors = Links.of_pairs(movie_ids, read_people(conn, snapshot, "director"))
    actors = Links.of_pairs(movie_ids, read_people(conn, snapshot, "actor"))
    return Catalogue.of(movie_ids, movies, directors, actors)


def read_people(conn: Connection, snapshot: Snapshot, role: str) -> np.ndarray:
    """Return (N, 2) int64: the movie and the person of everyone in a role, in billing order."""
    columns = {"movie_id": "bigint", "person_id": "bigint"}
    params = {**snapshot.params, "role": role}
    rows = read_arrays(conn, queries("visible")["movie_persons"], params, columns)
    return np.column_stack([rows["movie_id"], rows["person_id"]])
