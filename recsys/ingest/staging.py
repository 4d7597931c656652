"""Staging tables: how a drop's rows come into them, are checked there and become facts."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, LiteralString

import pyarrow as pa
import pyarrow.csv as pacsv

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.ingest.order import Order
from recsys.ingest.parts import Rows


@dataclass
class Stage:
    """One drop on its way through staging: the rows read of each file, and the ratings' order."""

    conn: Connection
    read: Counter[str] = field(default_factory=Counter)
    order: Order = field(default_factory=Order)


@dataclass(frozen=True)
class StagingTable:
    """A table of staging that is filled by its query copy_<name>.

    `checks` are queries that set rows aside, in the order in which they run. `facts`: what becomes
    of the rows, name → query; none where they only complete the facts of another table.
    """

    name: str
    checks: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    has_movies: bool = False
    """Whether the checks of later drops need its facts: a rating's movie, the movies of IMDb."""
    is_of_catalogue: bool = False
    """Whether the catalogue is made of its facts."""

    def copy(self, stage: Stage, parts: Iterator[Rows]) -> None:
        """COPY all batches at once, so that the server takes one in while the next is read."""
        copy_query, columns = copy_query_of(self.name)
        with stage.conn.cursor() as cursor, cursor.copy(copy_query) as copy:
            for part in parts:
                stage.read[part.file] += part.read
                if part.batch.num_rows:
                    copy.write(as_csv(part, columns))

    def check(self, stage: Stage) -> None:
        """Set aside the rows that are not what they should be."""
        for check in self.checks:
            stage.conn.execute(queries("ingest")[check])

    def merge(self, stage: Stage, drop_id: int) -> dict[str, int]:
        """Append what differs from the newest facts; return how many rows of each fact are new."""
        params = {"drop_id": drop_id}
        return {
            fact: stage.conn.execute(queries("ingest")[merge], params).rowcount
            for fact, merge in self.facts.items()
        }


def copy_query_of(table: str) -> tuple[LiteralString, list[str]]:
    """Return the table's copy_ query, and its columns in order."""
    query = queries("ingest")[f"copy_{table}"]
    columns = query[query.index("(") + 1 : query.index(")")].split(",")
    return query, [column.strip() for column in columns]


def as_csv(part: Rows, columns: list[str]) -> memoryview:
    """Return rows as the CSV that COPY reads."""
    file = pa.repeat(part.file, part.batch.num_rows)
    buffer = io.BytesIO()
    write_csv(part.batch.append_column("file", file).select(columns), buffer)
    return buffer.getbuffer()


def write_csv(rows: pa.RecordBatch, out: IO[bytes]) -> None:
    """Write rows as COPY reads them: quoted, so that a value without quotes is NULL."""
    options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
    pacsv.write_csv(rows, out, options)
