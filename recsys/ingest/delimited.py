"""Publishers' delimited files as streams of text columns, each row with its line number. Vectorised
by pyarrow.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import csv
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.drops.lines import LONGEST, SHOWN, Block, LineBlocks, LongLine
from recsys.drops.rows import Rows, find_rows, is_plain
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.parse import parse_rows, with_one_byte
from recsys.ingest.parts import Reject
from recsys.ingest.text import as_text, rows_without_text, shown

BLOCK_BYTES = 1 << 20  # a batch takes fifty times as much memory, and more of it is no faster


@dataclass(frozen=True)
class Delimited:
    """How a file is written. `columns`: those we take, publisher's name → ours.

    Without a header, `layout` names all columns in order.
    """

    columns: dict[str, str]
    delimiter: str = ","
    layout: tuple[str, ...] = ()
    encoding: str = "utf8"
    quoted: bool = True


#: Which rows of a batch are kept: our columns as bytes, and `line` → one boolean a row.
Choice = Callable[[pa.RecordBatch], pa.Array]
#: Of a file that is cut down. pc.is_in hashes what is looked for anew for each block: with smaller
#: ones that is most of the work.
EXCERPT_BLOCK_BYTES = 4 << 20


class Excerpt(NamedTuple):
    """Rows that were chosen; `read`: out of how many, rejects and blank lines not counted."""

    batch: pa.RecordBatch
    read: int


def read_delimited(member: Member, spec: Delimited) -> Iterator[pa.RecordBatch | Reject]:
    """Batches with our columns as text and `line` (int64, from 1, header counted); and rows that
    could not be read as such.

    Raises DropError where a column is missing, naming the file, line 1, what was found and what was
    expected.
    """
    file = _File(member, spec)
    for part in file.parts(BLOCK_BYTES):
        if isinstance(part, Reject):
            yield part
            continue
        rows, rejects = file.in_text(part)
        yield rows
        yield from rejects


def read_excerpts(member: Member, spec: Delimited, choice: Choice) -> Iterator[Excerpt | Reject]:
    """As read_delimited, cut down to the rows that are chosen. Whether the others are text is not
    looked at.
    """
    file = _File(member, spec)
    for part in file.parts(EXCERPT_BLOCK_BYTES):
        if isinstance(part, Reject):
            yield part
            continue
        rows, rejects = file.in_text(part.filter(choice(part)))
        yield Excerpt(rows, part.num_rows - len(rejects))
        yield from rejects


class _Parsed(NamedTuple):
    """A block's rows with their lines; what was found line by line, where that was needed; and the
    byte that stands there for the delimiter.
    """

    batch: pa.RecordBatch
    rows: Rows | None
    sign: bytes


class _File:
    """A file while it is read."""

    def __init__(self, member: Member, spec: Delimited) -> None:
        self._member = member
        self._spec = spec
        self._names: list[str] = list(spec.layout)
        """All columns, of which a header says the names."""

    def parts(self, block_bytes: int) -> Iterator[pa.RecordBatch | Reject]:
        """All rows but blank lines, with our columns as bytes; after those of a block, what in it
        is no row.
        """
        with self._member.open() as stream:
            lines = LineBlocks(stream, block_bytes, encoding=self._spec.encoding)
            self._names = self._names or self.names_in(lines.first_line())
            while (block := lines.next()) is not None:
                if isinstance(block, LongLine):
                    yield self._long_line(block)
                else:
                    rest = yield from self._rows(block)
                    lines.hand_back(rest)

    def _rows(self, block: Block) -> Generator[pa.RecordBatch | Reject, None, bytes]:
        """The block's rows, and what in it is no row; returns a row that is not all there."""
        batch, rows, sign = self.parse(block)
        yield without_blank_lines(batch)
        if rows is None:
            return b""
        yield from self._faults(block, rows, sign)
        return rows.rest

    def _long_line(self, line: LongLine) -> Reject:
        reason = f"a row of {line.n_bytes:,} bytes, more than {LONGEST:,}"
        return self._reject(line.line, reason, line.beginning)

    def names_in(self, header: bytes) -> list[str]:
        text = header.decode(errors="replace")
        names = [name.strip().strip('"') for name in text.split(self._spec.delimiter)]
        missing = [name for name in self._spec.columns if name not in names]
        if missing:
            raise DropError(
                f"{self._member.name} line 1: no column {', '.join(missing)}; found "
                f"{text[:200]!r}, expected {','.join(self._spec.columns)}"
            )
        self.check_once(names, text)
        return names

    def check_once(self, names: list[str], header: str) -> None:
        twice = [name for name in self._spec.columns if names.count(name) > 1]
        if twice:
            raise DropError(
                f"{self._member.name} line 1: {', '.join(twice)} is there twice; found "
                f"{header[:200]!r}, expected it once"
            )

    def parse(self, block: Block) -> _Parsed:
        data, sign = with_one_byte(block.data, self._spec.delimiter.encode())
        if is_plain(data, sign, quoted=self._spec.quoted):
            batch = parse_rows(data, sign, self._names, self._spec)
            if batch is not None:
                lines = np.arange(block.line, block.line + batch.num_rows)
                return _Parsed(_with_lines(batch, lines), None, sign)
        return self.parse_by_line(block, data, sign)

    def parse_by_line(self, block: Block, data: bytes, sign: bytes) -> _Parsed:
        n_columns = len(self._names)
        quoted = self._spec.quoted
        rows = find_rows(data, sign, n_columns, quoted=quoted, ends_all=block.ends_all)
        batch = parse_rows(rows.data, sign, self._names, self._spec)
        if batch is None or batch.num_rows != len(rows.lines):
            raise DropError(
                f"{self._member.name}: the {len(rows.lines):,} rows from line {block.line:,} on "
                "cannot be separated"
            )
        return _Parsed(_with_lines(batch, block.line + rows.lines), rows, sign)

    def _faults(self, block: Block, rows: Rows, sign: bytes) -> Iterator[Reject]:
        for fault in rows.faults:
            content = fault.content.replace(sign, self._spec.delimiter.encode())
            yield self._reject(block.line + fault.line, fault.reason, content)

    def _reject(self, line: int, reason: str, content: bytes) -> Reject:
        text = shown(content)
        return Reject(self._member.name, line, reason, text, self._user_text(text))

    def _user_text(self, text: str) -> str | None:
        """What begins with the user of a row that cannot be read, empty where the row ends before;
        None where the file names no user.
        """
        place = self.user_place
        if not place:
            return text if place == 0 else None
        fields = self._fields(text)
        return fields[place] if place < len(fields) else ""

    @property
    def user_place(self) -> int | None:
        ours = [self._spec.columns.get(name) for name in self._names]
        return ours.index("user_id") if "user_id" in ours else None

    def _fields(self, text: str) -> list[str]:
        if self._spec.quoted:
            return next(csv.reader([text.replace("\r", " ")]))
        return text.split(self._spec.delimiter)

    def in_text(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Reject]]:
        """The rows as text that Postgres can hold, and those that are none."""
        try:
            return as_text(batch), []
        except pa.ArrowInvalid:
            bad = rows_without_text(batch)
            return as_text(batch.filter(pa.array(~bad))), self.without_text(batch, bad)

    def without_text(self, batch: pa.RecordBatch, bad: np.ndarray) -> list[Reject]:
        return [self.not_text(row) for row in batch.filter(pa.array(bad)).to_pylist()]

    def not_text(self, row: dict[str, Any]) -> Reject:
        values = [row[name][:SHOWN] for name in self._spec.columns.values()]
        content = self._spec.delimiter.encode().join(values)[:SHOWN]
        user_text = shown(row["user_id"][:SHOWN]) if "user_id" in row else None
        reason = "not UTF-8 text, or a zero byte in it"
        return Reject(self._member.name, row["line"], reason, shown(content), user_text)


def _with_lines(batch: pa.RecordBatch, lines: np.ndarray) -> pa.RecordBatch:
    columns = [pa.array(lines, pa.int64()), *batch.columns]
    return pa.RecordBatch.from_arrays(columns, ["line", *batch.schema.names])


def without_blank_lines(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A blank line reads as a row of empty columns."""
    _, first, *others = batch.columns
    blank = pc.equal(first, b"")
    for column in others:
        if not pc.any(blank).as_py():
            return batch
        blank = pc.and_(blank, pc.equal(column, b""))
    return batch.filter(pc.invert(blank))
