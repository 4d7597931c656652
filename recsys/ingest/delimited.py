"""Publishers' delimited files as streams of text columns, each row with its line number. Vectorised by pyarrow."""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.source import Reject

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


#: Which rows of a batch are asked for: our columns as bytes, and `line` → one boolean a row.
Choice = Callable[[pa.RecordBatch], pa.Array]
#: Of a file that is cut down. pc.is_in hashes what is wanted anew for each block: with smaller ones that is most of the work.
WANTED_BLOCK_BYTES = 4 << 20


class Excerpt(NamedTuple):
    """Rows that were asked for; `read`: out of how many, rejects and blank lines not counted."""

    batch: pa.RecordBatch
    read: int


def read_delimited(member: Member, spec: Delimited) -> Iterator[pa.RecordBatch | Reject]:
    """Batches with our columns as text and `line` (int64, from 1, header counted); and rows that could not be read as such.

    Raises DropError where a column is missing, naming the file, line 1, what was found and what was expected; and where a row
    does not end within a block, as after a quote that is never closed.
    """
    for part in _numbered(member, spec, BLOCK_BYTES):
        if isinstance(part, Reject):
            yield part
        else:
            rows, rejects = _clean(member, part, spec)
            yield rows
            yield from rejects


def read_wanted(member: Member, spec: Delimited, wanted: Choice) -> Iterator[Excerpt | Reject]:
    """As read_delimited, cut down to the rows that are wanted. Of the others nobody asks whether they are text."""
    for part in _numbered(member, spec, WANTED_BLOCK_BYTES):
        if isinstance(part, Reject):
            yield part
        else:
            rows, rejects = _clean(member, part.filter(wanted(part)), spec)
            yield Excerpt(rows, part.num_rows - len(rejects))
            yield from rejects


def _numbered(member: Member, spec: Delimited, block_bytes: int) -> Iterator[pa.RecordBatch | Reject]:
    """All rows but blank lines, with our columns as bytes; those with another number of columns come last."""
    with member.open() as stream:
        n_header, names = _header(stream, member, spec)
        lines = _Lines(n_header)
        broken: list[pacsv.InvalidRow] = []

        def set_aside(row: pacsv.InvalidRow) -> str:
            lines.broke(row.number or 0, row.text.count("\n"))
            broken.append(row)
            return "skip"

        try:
            for batch in _open(stream, names, spec, block_bytes, set_aside) or ():
                numbers = pa.array(lines.of(batch.num_rows, _breaks(batch, spec)))
                rows = pa.RecordBatch.from_arrays([numbers, *batch.columns], ["line", *spec.columns.values()])
                yield _without_blank_lines(rows, list(spec.columns.values()))
        except pa.ArrowInvalid as error:
            raise DropError(f"{member.name} after line {lines.last:,}: a row without an end: {error}") from error
        for row in broken:
            reason = f"{row.actual_columns} columns, expected {row.expected_columns}"
            text = row.text.replace(SingleDelimiter.SIGN, spec.delimiter).replace("\0", "\\0")
            line = int(lines.at(np.array([row.number]))[0])
            yield Reject(member.name, line, reason, text, _user_text(row.text, names, spec))


def _user_text(text: str, names: list[str], spec: Delimited) -> str | None:
    """The user's field of a row with a wrong number of columns, empty where it has none; None where it comes first."""
    places = [place for place, name in enumerate(names) if spec.columns.get(name) == "user_id"]
    if places in ([], [0]):
        return None
    fields = next(csv.reader([text])) if spec.quoted else text.split(spec.delimiter)
    return fields[places[0]] if places[0] < len(fields) else ""


class _Lines:
    """The line in which each record begins. Arrow counts records; one with line breaks between its quotes takes several lines."""

    def __init__(self, n_header: int) -> None:
        self._n_header = n_header
        self._first = 1  # the next record
        self._broken: list[int] = []
        self._long: dict[int, int] = {}  # record → line breaks in it

    @property
    def last(self) -> int:
        """The line before the next record."""
        return int(self.at(np.array([self._first]))[0]) - 1

    def broke(self, record: int, breaks: int) -> None:
        """A record that no batch will have."""
        self._broken.append(record)
        if breaks:
            self._long[record] = breaks

    def of(self, n_rows: int, breaks: np.ndarray) -> np.ndarray:
        """The lines of the next n_rows records that are not broken; `breaks`: how many line breaks each holds."""
        end = self._first + n_rows
        while end < (needed := self._first + n_rows + sum(self._first <= record < end for record in self._broken)):
            end = needed
        records = np.arange(self._first, end, dtype=np.int64)
        records = records[~np.isin(records, self._broken)]
        self._first = end if n_rows else self._first
        self._long |= {int(records[row]): int(breaks[row]) for row in np.flatnonzero(breaks)}
        return self.at(records)

    def at(self, records: np.ndarray) -> np.ndarray:
        """The line in which each record begins, from 1."""
        long = np.array(sorted(self._long), dtype=np.int64)
        before = np.concatenate([[0], np.cumsum([self._long[record] for record in long.tolist()])]).astype(np.int64)
        return records + self._n_header + before[np.searchsorted(long, records)]


def _breaks(batch: pa.RecordBatch, spec: Delimited) -> np.ndarray:
    """How many line breaks each row holds: none, unless values may stand in quotes."""
    breaks = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns if spec.quoted else ():
        if _holds(column, b"\n"):
            breaks += pc.count_substring(column, "\n").to_numpy(zero_copy_only=False)
    return breaks


def _header(stream: BinaryIO, member: Member, spec: Delimited) -> tuple[int, list[str]]:
    """How many lines the header takes, and the columns' names."""
    if spec.layout:
        return 0, list(spec.layout)
    first = stream.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n")
    found = [name.strip().strip('"') for name in first.split(spec.delimiter)]
    missing = [name for name in spec.columns if name not in found]
    if missing:
        raise DropError(
            f"{member.name} line 1: no column {', '.join(missing)}; found {first[:200]!r}, expected {','.join(spec.columns)}"
        )
    return 1, found


def _open(
    stream: BinaryIO, names: list[str], spec: Delimited, block_bytes: int, set_aside: Callable[[pacsv.InvalidRow], str]
) -> pacsv.CSVStreamingReader | None:
    """None where nothing follows the header: a week without tags is a week without tags."""
    several = len(spec.delimiter) > 1
    try:
        return pacsv.open_csv(
            SingleDelimiter(stream, spec.delimiter.encode()) if several else stream,
            read_options=pacsv.ReadOptions(column_names=names, block_size=block_bytes, encoding=spec.encoding, use_threads=False),
            parse_options=pacsv.ParseOptions(
                delimiter=SingleDelimiter.SIGN if several else spec.delimiter,
                quote_char='"' if spec.quoted else False,
                newlines_in_values=spec.quoted,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), include_columns=list(spec.columns), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return None
        raise


def _clean(member: Member, batch: pa.RecordBatch, spec: Delimited) -> tuple[pa.RecordBatch, list[Reject]]:
    """Text that Postgres can hold, and the rows that are not such."""
    try:
        return _as_text(batch), []
    except pa.ArrowInvalid:
        bad = _not_text(batch)
        rejects = [_not_text_reject(member, row, spec) for row in batch.filter(pa.array(bad)).to_pylist()]
        return _as_text(batch.filter(pa.array(~bad))), rejects


def _not_text(batch: pa.RecordBatch) -> np.ndarray:
    """One boolean a row, found by halving."""
    try:
        _as_text(batch)
        return np.zeros(batch.num_rows, dtype=bool)
    except pa.ArrowInvalid:
        if batch.num_rows == 1:
            return np.ones(1, dtype=bool)
        half = batch.num_rows // 2
        return np.concatenate([_not_text(batch.slice(0, half)), _not_text(batch.slice(half))])


def _not_text_reject(member: Member, row: dict, spec: Delimited) -> Reject:
    content = spec.delimiter.encode().join(row[name] for name in spec.columns.values())
    return Reject(member.name, row["line"], "not UTF-8 text, or a zero byte in it", repr(content)[2:-1])


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    text = {name: batch[name].cast(pa.string()) for name in batch.schema.names if name != "line"}
    if any(_holds(column, b"\0") for column in text.values()):
        raise pa.ArrowInvalid("a zero byte")
    return pa.RecordBatch.from_pydict({"line": batch["line"], **text})


def _holds(column: pa.BinaryArray | pa.StringArray, byte: bytes) -> bool:
    """Whether a value has this byte. Looks at all values' bytes as they lie in memory: to ask each takes many times as long."""
    _, offsets, data = column.buffers()
    if not len(column) or data is None:
        return False
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return bool((np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] == ord(byte)).any())


def _without_blank_lines(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    """A blank line reads as a row of empty columns."""
    blank = pc.equal(batch[names[0]], b"")
    for name in names[1:]:
        if not pc.any(blank).as_py():
            return batch
        blank = pc.and_(blank, pc.equal(batch[name], b""))
    return batch.filter(pc.invert(blank))


class SingleDelimiter(io.RawIOBase):
    """A stream in which a delimiter of two equal bytes is replaced by one byte: `::` in GroupLens's older files."""

    SIGN = "\x1f"

    def __init__(self, stream: BinaryIO, delimiter: bytes) -> None:
        self._stream, self._delimiter, self._rest = stream, delimiter, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, none only at the end. A first half at the end of a chunk waits for what follows it."""
        while True:
            chunk = self._stream.read(max(size - len(self._rest), 1) if size >= 0 else -1)
            data = (self._rest + chunk).replace(self._delimiter, self.SIGN.encode())
            held = len(self._delimiter) - 1 if chunk and data.endswith(self._delimiter[:1]) else 0
            data, self._rest = data[: len(data) - held], data[len(data) - held :]
            if data or not chunk:
                return data
