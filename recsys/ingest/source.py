"""What a source of drops has to offer, and the rows that it yields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from recsys.db.connect import Connection
from recsys.drops.zone import Member


@dataclass(frozen=True)
class Reject:
    """A row that is no row: its place, what is wrong with it, and its text."""

    file: str
    line: int
    reason: str
    content: str
    user_text: str | None = None
    """What begins with the user's id as the file has it; None where the row names no user."""


@dataclass(frozen=True)
class Rows:
    """A batch of one file's rows for one staging table: text columns as published, ratings as
    numbers, and `line`.
    """

    table: str
    file: str
    batch: pa.RecordBatch
    read: int  # rows of the file that this batch stands for, kept or cut away


class Source(Protocol):
    """Where facts come from. `name` is the folder in the landing zone and the source in the
    ledger.
    """

    name: str
    # staging tables that it fills; each has a reject_ and, if a fact, a merge_ query
    tables: tuple[str, ...]

    def population(self, members: Mapping[str, Member]) -> str | None:
        """Whose ids these are, None where the source has no users."""
        ...

    def rows(self, members: Mapping[str, Member], conn: Connection) -> Iterator[Rows | Reject]:
        """Yield all rows, streamed. Raises DropError for missing files or columns.

        Sees the facts through `conn`, changes none; what it asks it asks before its first row, as
        COPY then has the connection.
        """
        ...

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        """Yield what of the rows can be read where there is no database: to see whether the files
        are whole.
        """
        ...
