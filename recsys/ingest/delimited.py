"""Publishers' delimited files as streams of text columns, each row with its line number. Vectorised by pyarrow."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.source import Reject

BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Delimited:
    """How a file is written. `columns`: those we take, publisher's name → ours. Without a header, `layout` names all columns in order."""

    columns: dict[str, str]
    delimiter: str = ","
    layout: tuple[str, ...] = ()
    encoding: str = "utf8"
    quoted: bool = True


def read_delimited(member: Member, spec: Delimited) -> Iterator[pa.RecordBatch | Reject]:
    """Batches with our columns as text and `line` (int64, from 1, header counted); and rows that could not be read as such.

    Raises DropError where a column is missing, naming the file, line 1, what was found and what was expected.
    """
    with member.open() as stream:
        n_header, names = _header(stream, member, spec)
        broken: list[Reject] = []

        def set_aside(row: pacsv.InvalidRow) -> str:
            reason = f"{row.actual_columns} columns, expected {row.expected_columns}"
            content = row.text.replace(SingleDelimiter.SIGN, spec.delimiter)
            broken.append(Reject(member.name, (row.number or 0) + n_header, reason, content))
            return "skip"

        first = 1 + n_header
        for batch in _open(stream, names, spec, set_aside) or ():
            lines = _lines(first, batch.num_rows, [row.line for row in broken])
            first = int(lines[-1]) + 1 if len(lines) else first
            yield from _clean(member, batch.append_column("line", pa.array(lines)), spec)
        yield from broken


def _lines(first: int, n_rows: int, broken: list[int]) -> np.ndarray:
    """The next n_rows line numbers from `first` on that are not of broken rows."""
    end = first + n_rows
    while end < (needed := first + n_rows + sum(first <= line < end for line in broken)):
        end = needed
    lines = np.arange(first, end, dtype=np.int64)
    return lines[~np.isin(lines, broken)]


def _header(stream: BinaryIO, member: Member, spec: Delimited) -> tuple[int, list[str]]:
    """How many lines the header takes, and the columns' names."""
    if spec.layout:
        return 0, list(spec.layout)
    first = stream.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n")
    found = [name.strip().strip('"') for name in first.split(spec.delimiter)]
    missing = [name for name in spec.columns if name not in found]
    if missing:
        raise DropError(f"{member.name} line 1: no column {', '.join(missing)}; found {first[:200]!r}, expected {','.join(spec.columns)}")
    return 1, found


def _open(
    stream: BinaryIO, names: list[str], spec: Delimited, set_aside: Callable[[pacsv.InvalidRow], str]
) -> pacsv.CSVStreamingReader | None:
    """None where nothing follows the header: a week without tags is a week without tags."""
    several = len(spec.delimiter) > 1
    try:
        return pacsv.open_csv(
            SingleDelimiter(stream, spec.delimiter.encode()) if several else stream,
            read_options=pacsv.ReadOptions(column_names=names, block_size=BLOCK_BYTES, encoding=spec.encoding, use_threads=False),
            parse_options=pacsv.ParseOptions(
                delimiter=SingleDelimiter.SIGN if several else spec.delimiter,
                quote_char='"' if spec.quoted else False,
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


def _clean(member: Member, batch: pa.RecordBatch, spec: Delimited) -> Iterator[pa.RecordBatch | Reject]:
    """Text that Postgres can hold, our names, no blank lines; what is not text is set aside."""
    try:
        text = _as_text(batch, spec)
        yield text.filter(_not_blank(text))
    except (pa.ArrowInvalid, UnicodeDecodeError):
        for row in range(batch.num_rows):  # rare: one bad byte somewhere in this block
            one = batch.slice(row, 1)
            try:
                text = _as_text(one, spec)
                yield text.filter(_not_blank(text))
            except (pa.ArrowInvalid, UnicodeDecodeError):
                content = b"|".join(one[name][0].as_py() for name in spec.columns)
                yield Reject(member.name, one["line"][0].as_py(), "not UTF-8 text, or a zero byte in it", repr(content)[2:-1])


def _as_text(batch: pa.RecordBatch, spec: Delimited) -> pa.RecordBatch:
    columns = {ours: batch[theirs].cast(pa.string()) for theirs, ours in spec.columns.items()}
    if any(pc.any(pc.match_substring(column, "\0")).as_py() for column in columns.values()):
        raise pa.ArrowInvalid("a zero byte")
    return pa.RecordBatch.from_pydict({"line": batch["line"], **columns})


def _not_blank(batch: pa.RecordBatch) -> pa.Array:
    """A blank line reads as a row of empty columns."""
    joined = pc.binary_join_element_wise(*[batch[name] for name in batch.schema.names if name != "line"], "")
    return pc.not_equal(pc.utf8_trim_whitespace(joined), "")


class SingleDelimiter(io.RawIOBase):
    """A stream in which a delimiter of several bytes is replaced by one: `::` in GroupLens's older files."""

    SIGN = "\x1f"

    def __init__(self, stream: BinaryIO, delimiter: bytes) -> None:
        self._stream, self._delimiter, self._rest = stream, delimiter, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        data = self._rest + chunk
        held = len(self._delimiter) - 1 if chunk and data.endswith(self._delimiter[:1]) else 0
        self._rest = data[len(data) - held :]
        return data[: len(data) - held].replace(self._delimiter, self.SIGN.encode())
