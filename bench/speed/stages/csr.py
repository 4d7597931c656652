"""A week's visible ratings out of Postgres as a matrix, beside COPY read by numpy and beside
pandas.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import pandas as pd
import psycopg2
import psycopg2.extensions
import sqlalchemy
from scipy import sparse

from bench.speed.stages.base import Bound, Stage, Way
from recsys.db.connect import connect
from recsys.db.queries import queries
from recsys.features.interactions import Interactions
from recsys.features.visible import read_interactions
from recsys.snapshot import Snapshot

OURS, COPY = "read_interactions, csr", "COPY, numpy, same csr"
BY_HAND, PANDAS = "COPY, np.unique, scipy", "pandas.read_sql"
#: Signature, flags and extension length before the rows; the end marker behind them.
HEADER, TRAILER = 19, 2
#: A Python object for each moment would slow pandas down further.
AS_NUMBERS = (
    "SELECT user_id, movie_id, rating, extract(epoch FROM rated_at)::bigint AS rated_at FROM ({}) "
    "AS visible"
)
#: Postgres counts microseconds from 2000 on.
SECONDS_TO_2000 = 946_684_800
LAYOUT = np.dtype(
    [("_n", ">i2")]
    + [
        field
        for name, kind in (
            ("user_id", ">i8"),
            ("movie_id", ">i8"),
            ("rating", ">f4"),
            ("rated_at", ">i8"),
        )
        for field in ((f"_{name}", ">i4"), (name, kind))
    ]
)


class Csr(Stage):
    name = "csr"
    title = "load a week's interactions to CSR"
    ours = OURS
    bounds = (Bound(OURS, COPY, "≤", 1.4), Bound(PANDAS, OURS, "≥", 6))

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        ground = self.ground
        snapshot, movie_ids = ground.data.week.snapshot, ground.data.catalogue.movie_ids
        url = ground.in_use.database_url.get_secret_value()
        engine = sqlalchemy.create_engine(url)
        ground.databases.settle()
        with connect(ground.in_use) as conn, closing(psycopg2.connect(url)) as plain:
            yield [
                Way(OURS, lambda _: read_interactions(conn, snapshot, movie_ids).csr()),
                Way(COPY, lambda _: as_ours(copied(plain, snapshot), movie_ids)),
                Way(BY_HAND, lambda _: by_hand(copied(plain, snapshot))),
                Way(PANDAS, lambda _: by_pandas(engine, snapshot)),
            ]
        engine.dispose()


def by_pandas(engine: sqlalchemy.Engine, snapshot: Snapshot) -> pd.DataFrame:
    query = AS_NUMBERS.format(queries("visible")["ratings"])
    return pd.read_sql(query, engine, params=snapshot.params)


def copied(conn: psycopg2.extensions.connection, snapshot: Snapshot) -> np.ndarray:
    """The same filter's rows as numpy sees what COPY sends; psycopg2 takes it in without Python, in
    half of psycopg's time.
    """
    columns = "user_id::bigint, movie_id::bigint, rating::real, rated_at"
    wire = io.BytesIO()
    with conn.cursor() as cursor:
        query = cursor.mogrify(
            f"SELECT {columns} FROM ({queries('visible')['ratings']}) AS visible",  # noqa: S608
            snapshot.params,
        ).decode()
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", wire)
    n_bytes = wire.tell() - HEADER - TRAILER
    return np.frombuffer(wire.getbuffer(), LAYOUT, count=n_bytes // LAYOUT.itemsize, offset=HEADER)


def as_ours(rows: np.ndarray, movie_ids: np.ndarray) -> sparse.csr_matrix:
    native = {
        name: rows[name].astype(rows[name].dtype.newbyteorder("="))
        for name in ("user_id", "movie_id", "rating", "rated_at")
    }
    native["rated_at"] = native["rated_at"] // 1_000_000 + SECONDS_TO_2000
    return Interactions.of(*native.values(), movie_ids=movie_ids).csr()


def by_hand(rows: np.ndarray) -> sparse.csr_matrix:
    users, user = np.unique(rows["user_id"].astype(np.int64), return_inverse=True)
    movies, movie = np.unique(rows["movie_id"].astype(np.int64), return_inverse=True)
    return sparse.csr_matrix(
        (rows["rating"].astype(np.float32), (user, movie)), shape=(len(users), len(movies))
    )
