"""Ratings, the one table of millions: read as numbers block by block, and put in order once where
there were none.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import pyarrow as pa
import pyarrow.compute as pc

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries

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
    at = times.cast(pa.timestamp("s", "UTC"))
    columns = {
        "line": batch["line"],
        "user_id": users,
        "movie_id": movies,
        "rating": pc.take(_VALUES, stars),
        "rated_at": at,
    }
    numbers = pa.RecordBatch.from_pydict(columns)
    if pc.all(reads).as_py():
        return numbers, batch.slice(0, 0)
    return numbers.filter(reads), batch.filter(pc.invert(reads))


def whole_numbers(texts: pa.Array, digits: int) -> tuple[pa.Array, pa.Array]:
    """Return the whole numbers of at most so many digits, 0 for what is none; and which are
    some.
    """
    is_whole = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), digits))
    if not pc.all(is_whole).as_py():
        texts = pc.if_else(is_whole, texts, "0")
    return texts.cast(pa.int64()), is_whole


class Order:
    """Whether each rating seen so far is of a later user, or of the same user and a later movie: as
    GroupLens publishes them.

    Then none stands there twice, of whatever time.
    """

    def __init__(self) -> None:
        self.ascending = True
        self._last = (-1, -1)

    def see(self, numbers: pa.RecordBatch) -> None:
        if not (self.ascending and numbers.num_rows):
            return
        users, movies = numbers["user_id"].to_numpy(), numbers["movie_id"].to_numpy()
        same_user = users[1:] == users[:-1]
        rises = (users[1:] > users[:-1]) | (same_user & (movies[1:] > movies[:-1]))
        self.ascending = bool(rises.all()) and (int(users[0]), int(movies[0])) > self._last
        self._last = (int(users[-1]), int(movies[-1]))


def merge_ratings(conn: Connection, drop_id: int, *, ascending: bool) -> int:
    """Append what differs from the newest version known; return how many rows. `ascending` as in
    `Order`, of staging.

    The caller holds the advisory lock 'views': what is re-rated is seen at once by whoever sees the
    ratings.
    """
    ingest, params = queries("ingest"), {"drop_id": drop_id}
    if one_row(conn, ingest["no_ratings_yet"]).ok:
        n_new = _first_ratings(conn, drop_id, ascending=ascending)
    else:
        n_new = conn.execute(ingest["merge_ratings"], params).rowcount
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
