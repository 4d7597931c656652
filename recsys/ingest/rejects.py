"""Rejected rows on their way to staging: a bad drop may have as many of them as rows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.csv as pacsv

from recsys.ingest.source import Reject, Rows

_IN_MEMORY = 8 << 20  # bytes; beyond it they wait in a file
_AT_ONCE = 1000
_COPIED = 1 << 20


class RejectSpool:
    """Rejected rows that wait until the connection, which COPY has, is free for them."""

    def __init__(self, columns: list[str]) -> None:
        self._columns = columns
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

    def csv(self) -> Iterator[bytes]:
        """All of them, in pieces."""
        self._write()
        self._file.seek(0)
        while piece := self._file.read(_COPIED):
            yield piece

    def _write(self) -> None:
        if not self._waiting:
            return
        columns = {
            name: [getattr(reject, name) for reject in self._waiting] for name in self._columns
        }
        options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
        pacsv.write_csv(pa.RecordBatch.from_pydict(columns), self._file, options)
        self._waiting.clear()
