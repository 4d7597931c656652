"""Rejected rows on their way to staging: a bad drop may have as many of them as rows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import pyarrow as pa

from recsys.db.connect import Connection
from recsys.ingest.parts import Reject, Rows
from recsys.ingest.staging import copy_query_of, write_csv

_IN_MEMORY = 8 << 20  # bytes; beyond it they wait in a file
_AT_ONCE = 1000
_COPIED = 1 << 20
#: As its COPY has them.
_SCHEMA = pa.schema(
    {
        "file": pa.string(),
        "line": pa.int64(),
        "reason": pa.string(),
        "content": pa.string(),
        "user_text": pa.string(),
    }
)


class RejectSpool:
    """Rejected rows that wait until the connection, which COPY has, is free for them."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - it is closed with this
        self._waiting: list[Reject] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def take_out(self, parts: Iterable[Rows | Reject], read: Counter[str]) -> Iterator[Rows]:
        """Pass on what is no reject; count the rejects among the rows read of their files."""
        for part in parts:
            if isinstance(part, Rows):
                yield part
                continue
            read[part.file] += 1
            self._waiting.append(part)
            if len(self._waiting) == _AT_ONCE:
                self._write()

    def copy(self, conn: Connection) -> None:
        """COPY all of them into staging."""
        self._write()
        self._file.seek(0)
        query, _ = copy_query_of("rejects")
        with conn.cursor() as cursor, cursor.copy(query) as copy:
            while piece := self._file.read(_COPIED):
                copy.write(piece)

    def _write(self) -> None:
        if self._waiting:
            rows = pa.RecordBatch.from_pylist([vars(reject) for reject in self._waiting], _SCHEMA)
            write_csv(rows, self._file)
            self._waiting.clear()
