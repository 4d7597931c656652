"""Ratings, the one table of millions: read as numbers block by block, and put in order once where
there were none.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.db.arrays import write_batches
from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
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

_STARS = pa.array(
    ["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0", "1", "2", "3", "4", "5"]
)
_VALUES = _STARS.cast(pa.float32())
#: Between 1990 and 2100, in seconds since 1970.
SINCE, UNTIL = 631_152_000, 4_102_444_799


def rating_rows(file: str, batch: pa.RecordBatch) -> Iterator[Rows]:
    """Yield a batch of ratings (user_id, movie_id, rating and rated_at as text) as numbers, and
    those that do not read as such as text, for a check to judge them.
    """
    numbers, unread = in_numbers(batch)
    yield Rows("ratings", file, numbers, batch.num_rows)
    if unread.num_rows:
        numbers, unread = in_numbers(with_whole_numbers(unread))
        yield Rows("ratings", file, numbers, 0)
    if unread.num_rows:
        yield Rows("unread_ratings", file, unread, 0)


def in_numbers(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The rows that read as ratings do, as int64, float32 and times, and the others as the text
    that they are.
    """
    stars = pc.index_in(batch["rating"], _STARS)
    times, is_time = whole_numbers(batch["rated_at"], 10)
    users, is_user = whole_numbers(batch["user_id"], 18)
    movies, is_movie = whole_numbers(batch["movie_id"], 18)
    in_time = pc.and_(pc.greater_equal(times, SINCE), pc.less_equal(times, UNTIL))
    reads = pc.and_(
        pc.and_(pc.and_(is_user, is_movie), pc.and_(is_time, in_time)), pc.is_valid(stars)
    )
    columns = {
        "line": batch["line"],
        "user_id": users,
        "movie_id": movies,
        "rating": pc.take(_VALUES, stars),
        "rated_at": times.cast(pa.timestamp("s", "UTC")),
    }
    numbers = pa.RecordBatch.from_pydict(columns)
    if pc.all(reads).as_py():
        return numbers, batch.slice(0, 0)
    return numbers.filter(reads), batch.filter(pc.invert(reads))


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
        columns = {name: part.batch[name].to_numpy() for name in part.batch.schema.names}
        yield {"file": part.file} | columns


def merge_ratings(conn: Connection, drop_id: int, *, ascending: bool) -> int:
    """Append what differs from the newest version stored; return how many rows. `ascending` as in
    `Order`, of staging.

    The caller holds the advisory lock 'views': what is re-rated is seen at once by whoever sees the
    ratings.
    """
    if one_row(conn, queries("ingest")["no_ratings_yet"]).ok:
        n_new = _first_ratings(conn, drop_id, ascending=ascending)
    else:
        merge = queries("ingest")["merge_ratings"]
        n_new = conn.execute(merge, {"drop_id": drop_id}).rowcount
    conn.execute(queries("views")["refresh_rerated"])
    return n_new


def _first_ratings(conn: Connection, drop_id: int, *, ascending: bool) -> int:
    ingest = queries("ingest")
    conn.execute(ingest["begin_ratings"])
    conn.execute(ingest["drop_key"])
    n_new = conn.execute(ingest["first_ratings"], {"drop_id": drop_id}).rowcount
    conn.execute(ingest["add_key"])
    if not ascending:
        conn.execute(ingest["find_rerated"])
    return n_new
