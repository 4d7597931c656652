"""One drop from files to facts: staging → checks → merge. A bad drop leaves its ledger row and its
rejected rows.
"""

import gzip
import io
import logging
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import LiteralString, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg.types.json import Jsonb

from recsys.db.arrays import write_batches
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.drops.zone import Drop, LandingZone
from recsys.errors import DropError
from recsys.ingest import source_of
from recsys.ingest.ratings import KINDS, Order, merge_ratings
from recsys.ingest.rejects import RejectSpool
from recsys.ingest.source import Reject, Rows, Source

log = logging.getLogger(__name__)

#: Needless where each rating is of a later user or movie than the one before it.
REPEATED = "reject_repeated_ratings"
#: Checks of a staging table, in the order in which they run.
CHECKS = {
    "ratings": (REPEATED, "reject_ratings_of_unknown_movies"),
    "tags": ("reject_tags", "reject_repeated_tags"),
}
#: Merges of a staging table besides the ratings'; the others only complete a fact of another.
MERGES = {
    "movies": ("merge_movies",),
    "links": ("merge_links",),
    "users": ("merge_users",),
    "tags": ("merge_tags",),
    "imdb_titles": ("merge_imdb_titles", "merge_movie_persons"),
    "imdb_persons": ("merge_imdb_persons",),
}

#: Facts that the catalogue is made of, by the names of their merges.
_CATALOGUE = ("movies", "titles", "persons", "movie_persons")
#: What the checks of later drops ask for: a rating's movie, and the movies that IMDb is cut down
#: to.
ASKED_LATER = ("movies", "links")

#: A file cut short or damaged on its way. Trying again on the same bytes cannot help.
_UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, pa.ArrowInvalid)

# known ratings from the drop's own time, none of them in the drop, that make a user another person
_FOREIGN_ROWS = 5
_FOREIGN_USERS = 10  # and how many such users, at least
# and which share of the users with such a history, that make it a drop of another population
_FOREIGN_SHARE = 0.1


@dataclass(frozen=True)
class Ingested:
    """What a drop brought: file or table → rows."""

    read: dict[str, int]
    rejected: dict[str, int]
    new: dict[str, int]

    def counts(self) -> dict[str, dict[str, int]]:
        return {"read": self.read, "rejected": self.rejected, "new": self.new}


class BadFile(NamedTuple):
    """How many rows of a file were set aside, and the first of them."""

    file: str
    n: int
    line: int
    reason: str


@dataclass(frozen=True)
class _Staged:
    """A drop that stands in staging and passed every check."""

    population: str | None
    read: Counter[str]
    rejected: dict[str, int]
    order: Order


def ingest(
    conn: Connection, zone: LandingZone, drop: Drop, drop_id: int, *, max_bad_share: float
) -> Ingested:
    """Take a registered drop in. The caller holds the advisory lock 'ingest'.

    Raises DropError, with the drop named, where it is refused: its ledger row and rejected rows are
    then written, no fact.
    """
    staged = _stage_checked(conn, zone, drop, drop_id, max_bad_share)
    return _merge(conn, source_of(drop.source).tables, drop_id, staged)


def rehearse(
    conn: Connection, zone: LandingZone, drop: Drop, drop_id: int, *, max_bad_share: float
) -> Ingested:
    """Do as `ingest` in a transaction that the caller rolls back, and merge only what the checks of
    later drops ask for.
    """
    staged = _stage_checked(conn, zone, drop, drop_id, max_bad_share)
    new: dict[str, int] = {}
    for table in ASKED_LATER:
        new |= _merge_table(conn, table, drop_id, staged)
    return _keep(conn, drop_id, staged, new)


def _stage_checked(
    conn: Connection, zone: LandingZone, drop: Drop, drop_id: int, max_bad_share: float
) -> _Staged:
    source = source_of(drop.source)
    population: str | None = None
    read: Counter[str] = Counter()
    order = Order()
    try:
        members = zone.members(drop)
        population = source.population(members)
        with conn.transaction():
            read = _stage(conn, source.rows(members, conn), order)
            _check(conn, source, order)
        rejected = judge(conn.execute(queries("ingest")["rejected_by_file"]), read, max_bad_share)
        _check_population(conn, population)
    except (DropError, *_UNREADABLE) as error:
        reason = (
            error.reason
            if isinstance(error, DropError)
            else (f"cannot be read to its end: {type(error).__name__}: {error}")
        )
        _refuse(conn, drop_id, population, read, reason)
        raise DropError(reason, drop) from error
    return _Staged(population, read, rejected, order)


def _stage(conn: Connection, rows: Iterator[Rows | Reject], order: Order) -> Counter[str]:
    """COPY everything into staging; count the rows read of each file, and see in which order the
    ratings stand.
    """
    conn.execute(queries("ingest")["empty_staging"])
    read: Counter[str] = Counter()
    copy_rejects, columns = _copy_query("rejects")
    with RejectSpool(columns) as rejects:
        for table, parts in groupby(rejects.take_out(rows, read), key=lambda part: part.table):
            if table == "ratings":
                _copy_ratings(conn, parts, read, order)
            else:
                # those that are read after all come behind the others
                order.ascending &= table != "unread_ratings"
                _copy(conn, table, parts, read)
        with conn.cursor() as cursor, cursor.copy(copy_rejects) as copy:
            for piece in rejects.csv():
                copy.write(piece)
    return read


def _copy(conn: Connection, table: str, parts: Iterator[Rows], read: Counter[str]) -> None:
    """One COPY for all batches in a row, so that the server takes one in while the next is read."""
    statement, names = _copy_query(table)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for part in parts:
            read[part.file] += part.read
            if part.batch.num_rows:
                file = pa.repeat(part.file, part.batch.num_rows)
                copy.write(_as_csv(part.batch.append_column("file", file).select(names)))


def _copy_ratings(
    conn: Connection, parts: Iterator[Rows], read: Counter[str], order: Order
) -> None:
    """As numbers: of text, the server would have to read each again."""

    def arrays() -> Iterator[dict[str, np.ndarray | str | int]]:
        for part in parts:
            read[part.file] += part.read
            order.see(part.batch)
            yield {"file": part.file} | {
                name: part.batch[name].to_numpy() for name in part.batch.schema.names
            }

    write_batches(conn, queries("ingest")["copy_ratings"], arrays(), KINDS)


def _copy_query(table: str) -> tuple[LiteralString, list[str]]:
    """The table's copy_ query, and its columns in order."""
    statement = queries("ingest")[f"copy_{table}"]
    return statement, [
        name.strip()
        for name in statement[statement.index("(") + 1 : statement.index(")")].split(",")
    ]


def _as_csv(batch: pa.RecordBatch) -> memoryview:
    buffer = io.BytesIO()
    pacsv.write_csv(
        batch, buffer, pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
    )
    return buffer.getbuffer()


def _check(conn: Connection, source: Source, order: Order) -> None:
    conn.execute(queries("ingest")["forget_erased"])
    for table in source.tables:
        for check in CHECKS.get(table, (f"reject_{table}",)):
            if check != REPEATED or not order.ascending:
                conn.execute(queries("ingest")[check])


def judge(
    bad_files: Iterable[BadFile], read: Mapping[str, int], max_bad_share: float
) -> dict[str, int]:
    """Return the rejected rows by file. Raises DropError for the first file that has more than its
    share.
    """
    rejected: dict[str, int] = {}
    for bad in bad_files:
        rejected[bad.file] = bad.n
        share = bad.n / max(read[bad.file], 1)
        if share > max_bad_share:
            raise DropError(
                f"{bad.n:,} of {read[bad.file]:,} rows of {bad.file} are bad ({share:.1%}, allowed "
                f"{max_bad_share:.1%}); "
                f"the first is line {bad.line:,}: {bad.reason}"
            )
    return rejected


def _check_population(conn: Connection, population: str | None) -> None:
    """MovieLens renumbers its users from release to release: a database holds one population."""
    if population is None:
        return
    known = conn.execute(queries("drops")["population"]).fetchone()
    if known is None:
        return
    if known.population != population:
        raise DropError(
            f"its users are of another release: found layout {population!r}, expected "
            f"{known.population!r} as in the "
            f"{known.source} drop of {known.drop_date}; a release of its own needs a database of "
            "its own"
        )
    (foreign,) = conn.execute(
        queries("ingest")["foreign_users"], {"min_rows": _FOREIGN_ROWS}
    ).fetchall()
    if foreign.n_foreign >= _FOREIGN_USERS and foreign.n_foreign > _FOREIGN_SHARE * foreign.n_users:
        raise DropError(
            f"its users are of another release: of {foreign.n_users:,} users with a known history "
            "from the drop's time, the drop "
            f"has nothing of it for {foreign.n_foreign:,}; expected at most {_FOREIGN_SHARE:.0%}. "
            "A release of its own needs a database of its own"
        )


def _refuse(
    conn: Connection, drop_id: int, population: str | None, read: Counter[str], reason: str
) -> None:
    """The ledger row and the rejected rows, in a transaction of their own."""
    with conn.transaction():
        conn.execute(queries("drops")["forget_rejected"], {"drop_id": drop_id})
        if read:  # staging holds this drop, and not what an earlier one left
            conn.execute(queries("drops")["keep_rejected"], {"drop_id": drop_id})
        _settle(conn, drop_id, "refused", {"read": dict(read)}, reason, population)


def _merge(conn: Connection, tables: Sequence[str], drop_id: int, staged: _Staged) -> Ingested:
    """All facts of a drop, its rejected rows and its ledger row: in one transaction."""
    new: dict[str, int] = {}
    with advisory_lock(conn, Lock.VIEWS), conn.transaction():
        for table in tables:
            new |= _merge_table(conn, table, drop_id, staged)
        ingested = _keep(conn, drop_id, staged, new)
        if any(new.get(facts) for facts in _CATALOGUE):
            # readers see a movie as soon as its facts are there
            conn.execute(queries("views")["refresh_catalogue"])
    return ingested


def _merge_table(conn: Connection, table: str, drop_id: int, staged: _Staged) -> dict[str, int]:
    """How many rows of each fact are new."""
    if table == "ratings":
        return {table: merge_ratings(conn, drop_id, ascending=staged.order.ascending)}
    new: dict[str, int] = {}
    for merge in MERGES.get(table, ()):
        name = merge.removeprefix("merge_").removeprefix("imdb_")
        new[name] = conn.execute(queries("ingest")[merge], {"drop_id": drop_id}).rowcount
    return new


def _keep(conn: Connection, drop_id: int, staged: _Staged, new: dict[str, int]) -> Ingested:
    """The rejected rows and the ledger row of a drop that is taken in."""
    ingested = Ingested(dict(staged.read), staged.rejected, new)
    conn.execute(queries("drops")["forget_rejected"], {"drop_id": drop_id})
    conn.execute(queries("drops")["keep_rejected"], {"drop_id": drop_id})
    conn.execute(queries("ingest")["empty_staging"])
    _settle(conn, drop_id, "ingested", ingested.counts(), None, staged.population)
    return ingested


def _settle(
    conn: Connection,
    drop_id: int,
    state: str,
    counts: dict,
    reason: str | None,
    population: str | None,
) -> None:
    params = {
        "drop_id": drop_id,
        "state": state,
        "counts": Jsonb(counts),
        "reason": reason,
        "population": population,
    }
    conn.execute(queries("drops")["settle_drop"], params)
