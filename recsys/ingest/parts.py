"""What a source yields: rows in batches, and the rows that are none."""

from dataclasses import dataclass

import pyarrow as pa


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
