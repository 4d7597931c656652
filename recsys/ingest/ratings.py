"""Ratings, the one table of millions: read as numbers block by block, and put in order once where
there were none.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.db.arrays import write_batches
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_value
from recsys.ingest.numbers import whole_numbers, with_whole_numbers
from recsys.ingest.parts import Rows
from recsys.ingest.staging import Stage, StagingTable

#: staging.ratings in the order of its COPY: column → Postgres type.
KINDS = {
    "file": "text",
    "line": "bigint",
    "user_id": "bigint",
    "movie_id": "bigint",
    "rating": "real",
    "rated_at": "timestamptz",
}
_COLUMNS = ["line", "user_id", "movie_id", "rating", "rated_at"]

_STARS = pa.array(
    ["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0", "1", "2", "3", "4", "5"]
)
_VALUES = _STARS.cast(pa.float32())
#: Numbers of users from here on are those that the API issues: no publisher may use them.
FIRST_ISSUED = 1 << 40
#: Beyond all numbers of users.
ANY_USER = 1 << 62
#: Between 1990 and 2100, in seconds since 1970.
SINCE, UNTIL = 631_152_000, 4_102_444_799


def rating_rows(
    file: str, batch: pa.RecordBatch, *, users_below: int = FIRST_ISSUED
) -> Iterator[Rows]:
    """Yield a batch of ratings (user_id, movie_id, rating and rated_at as text) as numbers, and
    those that do not read as such as text, for a check to judge them: also those of users whose
    number is not below `users_below`.
    """
    numbers, unread = in_numbers(batch, users_below)
    yield Rows("ratings", file, numbers, batch.num_rows)
    if unread.num_rows:
        numbers, unread = in_numbers(with_whole_numbers(unread), users_below)
        yield Rows("ratings", file, numbers, 0)
    if unread.num_rows:
        yield Rows("unread_ratings", file, unread, 0)


def in_numbers(
    batch: pa.RecordBatch, users_below: int = FIRST_ISSUED
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the rows that read as ratings do, as int64, float32 and times, and the others as the
    text that they are.
    """
    numbers, is_read = _numbers(batch, users_below)
    if pc.all(is_read).as_py():
        return numbers, batch.slice(0, 0)
    return numbers.filter(is_read), batch.filter(pc.invert(is_read))


def _numbers(batch: pa.RecordBatch, users_below: int) -> tuple[pa.RecordBatch, pa.Array]:
    """All rows in numbers, and which of them read as such."""
    users, is_number = whole_numbers(batch["user_id"], 18)
    is_user = pc.and_(is_number, pc.less(users, users_below))
    movies, is_movie = whole_numbers(batch["movie_id"], 18)
    ratings, is_rating = half_stars(batch["rating"])
    times, is_time = _times(batch["rated_at"])
    columns = [batch["line"], users, movies, ratings, times]
    is_read = reduce(pc.and_, (is_user, is_movie, is_rating, is_time))
    return pa.RecordBatch.from_arrays(columns, _COLUMNS), is_read


def half_stars(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The ratings, null for what is none in usual notation; and which are some."""
    place = pc.index_in(texts, _STARS)
    return pc.take(_VALUES, place), pc.is_valid(place)


def _times(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The times, and which of them lie between SINCE and UNTIL."""
    seconds, is_whole = whole_numbers(texts, 10)
    in_time = pc.and_(pc.greater_equal(seconds, SINCE), pc.less_equal(seconds, UNTIL))
    return seconds.cast(pa.timestamp("s", "UTC")), pc.and_(is_whole, in_time)


class RatingsTable(StagingTable):
    """Ratings that read as such. They travel as numbers: of text, the server would have to read
    each again.
    """

    def copy(self, stage: Stage, parts: Iterator[Rows]) -> None:
        query = queries("ingest")["copy_ratings"]
        write_batches(stage.conn, query, _arrays(stage, parts), KINDS)

    def check(self, stage: Stage) -> None:
        if not stage.order.ascending:  # else none can stand there twice
            stage.conn.execute(queries("ingest")["reject_repeated_ratings"])
        super().check(stage)

    def merge(self, stage: Stage, drop_id: int) -> dict[str, int]:
        n_new = merge_ratings(stage.conn, drop_id, ascending=stage.order.ascending)
        return {self.name: n_new}


class UnreadRatingsTable(StagingTable):
    """Ratings that are read after all, behind the others, or are set aside."""

    def copy(self, stage: Stage, parts: Iterator[Rows]) -> None:
        stage.order.ascending = False
        super().copy(stage, parts)


def _arrays(stage: Stage, parts: Iterator[Rows]) -> Iterator[dict[str, np.ndarray | str | int]]:
    for part in parts:
        stage.read[part.file] += part.read
        stage.order.see(part.batch)
        arrays = {name: part.batch[name].to_numpy() for name in _COLUMNS}
        yield {"file": part.file, **arrays}


def merge_ratings(conn: Connection, drop_id: int, *, ascending: bool) -> int:
    """Append what differs from the newest version stored; return how many rows. `ascending` as in
    `Order`, of staging.

    The caller holds the advisory lock 'views': what is re-rated is seen at once by whoever sees the
    ratings.
    """
    if fetch_value(conn, bool, queries("ingest")["no_ratings_yet"]):
        n_new = first_ratings(conn, drop_id, ascending=ascending)
    else:
        merge = queries("ingest")["merge_ratings"]
        n_new = conn.execute(merge, {"drop_id": drop_id}).rowcount
    conn.execute(queries("views")["refresh_rerated"])
    return n_new


def first_ratings(conn: Connection, drop_id: int, *, ascending: bool) -> int:
    """Merge ratings into an empty table; return how many."""
    ingest = queries("ingest")
    conn.execute(ingest["begin_ratings"])
    conn.execute(ingest["drop_key"])
    n_new = conn.execute(ingest["first_ratings"], {"drop_id": drop_id}).rowcount
    conn.execute(ingest["add_key"])
    if not ascending:
        conn.execute(ingest["find_rerated"])
    return n_new
