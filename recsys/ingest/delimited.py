"""Publishers' delimited files as streams of text columns, each row with its line number. Vectorised
by pyarrow.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from recsys.drops.lines import LONGEST, SHOWN, Block, LineBlocks, LongLine
from recsys.drops.rows import Rows, find_rows, is_plain
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
#: Of a file that is cut down. pc.is_in hashes what is wanted anew for each block: with smaller ones
#: that is most of the work.
EXCERPT_BLOCK_BYTES = 4 << 20


class Excerpt(NamedTuple):
    """Rows that were asked for; `read`: out of how many, rejects and blank lines not counted."""

    batch: pa.RecordBatch
    read: int


def read_delimited(member: Member, spec: Delimited) -> Iterator[pa.RecordBatch | Reject]:
    """Batches with our columns as text and `line` (int64, from 1, header counted); and rows that
    could not be read as such.

    Raises DropError where a column is missing, naming the file, line 1, what was found and what was
    expected.
    """
    for part in _numbered(member, spec, BLOCK_BYTES):
        if isinstance(part, Reject):
            yield part
        else:
            rows, rejects = _clean(member, part, spec)
            yield rows
            yield from rejects


def read_excerpts(member: Member, spec: Delimited, wanted: Choice) -> Iterator[Excerpt | Reject]:
    """As read_delimited, cut down to the rows that are wanted. Of the others nobody asks whether
    they are text.
    """
    for part in _numbered(member, spec, EXCERPT_BLOCK_BYTES):
        if isinstance(part, Reject):
            yield part
        else:
            rows, rejects = _clean(member, part.filter(wanted(part)), spec)
            yield Excerpt(rows, part.num_rows - len(rejects))
            yield from rejects


def _numbered(
    member: Member, spec: Delimited, block_bytes: int
) -> Iterator[pa.RecordBatch | Reject]:
    """All rows but blank lines, with our columns as bytes; after those of a block, what in it is no
    row.
    """
    with member.open() as stream:
        lines = LineBlocks(stream, block_bytes, encoding=spec.encoding)
        names = list(spec.layout) or _names(lines.first_line(), member, spec)
        while (block := lines.next()) is not None:
            if isinstance(block, LongLine):
                reason = f"a row of {block.n_bytes:,} bytes, more than {LONGEST:,}"
                yield _reject(member, block.line, reason, block.beginning, names, spec)
                continue
            batch, rows, sign = _parse_block(member, block, names, spec)
            yield _without_blank_lines(batch, list(spec.columns.values()))
            if rows is not None:
                for fault in rows.faults:
                    content = fault.content.replace(sign, spec.delimiter.encode())
                    yield _reject(
                        member, block.line + fault.line, fault.reason, content, names, spec
                    )
                lines.hand_back(rows.rest)


def _names(header: bytes, member: Member, spec: Delimited) -> list[str]:
    """The columns' names."""
    text = header.decode(errors="replace")
    names = [name.strip().strip('"') for name in text.split(spec.delimiter)]
    missing = [name for name in spec.columns if name not in names]
    if missing:
        raise DropError(
            f"{member.name} line 1: no column {', '.join(missing)}; found {text[:200]!r}, expected "
            f"{','.join(spec.columns)}"
        )
    twice = [name for name in spec.columns if names.count(name) > 1]
    if twice:
        raise DropError(
            f"{member.name} line 1: {', '.join(twice)} is there twice; found "
            f"{text[:200]!r}, expected it once"
        )
    return names


def _parse_block(
    member: Member, block: Block, names: list[str], spec: Delimited
) -> tuple[pa.RecordBatch, Rows | None, bytes]:
    """The block's rows with their lines, what was found line by line if that was needed, and the
    delimiter in its faults.
    """
    data, sign = _with_one_byte(block.data, spec.delimiter.encode())
    if is_plain(data, sign, quoted=spec.quoted):
        batch = _parse(data, sign, names, spec)
        if batch is not None:
            return (
                _with_lines(batch, np.arange(block.line, block.line + batch.num_rows)),
                None,
                sign,
            )
    rows = find_rows(data, sign, len(names), quoted=spec.quoted, ends_all=block.ends_all)
    batch = _parse(rows.data, sign, names, spec)
    if batch is None or batch.num_rows != len(rows.lines):
        raise DropError(
            f"{member.name}: the {len(rows.lines):,} rows from line {block.line:,} on "
            "cannot be told apart"
        )
    return _with_lines(batch, block.line + rows.lines), rows, sign


def _with_lines(batch: pa.RecordBatch, lines: np.ndarray) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(lines, pa.int64()), *batch.columns], ["line", *batch.schema.names]
    )


#: Bytes that stand for a longer delimiter: control characters, which text does not have.
_SIGNS = [
    bytes([byte]) for byte in (0x1F, 0x1E, 0x1D, 0x1C, *range(0x01, 0x09), *range(0x0E, 0x1C))
]


def _with_one_byte(data: bytes, delimiter: bytes) -> tuple[bytes, bytes]:
    """The data with one byte for each delimiter, and that byte: Arrow knows no `::`."""
    if len(delimiter) == 1:
        return data, delimiter
    sign = next((sign for sign in _SIGNS if sign not in data), _SIGNS[0])
    return data.replace(delimiter, sign), sign


def _parse(data: bytes, sign: bytes, names: list[str], spec: Delimited) -> pa.RecordBatch | None:
    """Our columns of rows that take a line each, unless quoted; None where one has another number
    of columns.
    """
    n_columns = len(spec.columns)
    if not data:
        columns = [pa.array([], pa.binary())] * n_columns
        return pa.RecordBatch.from_arrays(columns, list(spec.columns.values()))
    # which Arrow would take away: inside a file it is text
    has_bom = data.startswith(b"\xef\xbb\xbf")
    quoted = spec.quoted and b'"' in data
    try:
        table = pacsv.read_csv(
            pa.BufferReader(b"\n" + data if has_bom else data),
            read_options=pacsv.ReadOptions(
                column_names=names, block_size=len(data) + 2, use_threads=False
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=sign.decode(),
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
                ignore_empty_lines=False,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=list(spec.columns),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    (batch,) = table.rename_columns(list(spec.columns.values())).to_batches()
    return batch.slice(1) if has_bom else batch


def _reject(
    member: Member, line: int, reason: str, content: bytes, names: list[str], spec: Delimited
) -> Reject:
    text = _shown(content)
    return Reject(member.name, line, reason, text, _user_text(text, names, spec))


def _user_text(text: str, names: list[str], spec: Delimited) -> str | None:
    """What begins with the user of a row that cannot be read, empty where the row ends before;
    None where the file names no user.
    """
    places = [place for place, name in enumerate(names) if spec.columns.get(name) == "user_id"]
    if not places:
        return None
    if places[0] == 0:
        return text
    fields = (
        next(csv.reader([text.replace("\r", " ")])) if spec.quoted else text.split(spec.delimiter)
    )
    return fields[places[0]] if places[0] < len(fields) else ""


def _shown(content: bytes) -> str:
    """Text that Postgres can hold: what is none is shown as `\\xe9`."""
    return content.decode(errors="backslashreplace").replace("\0", "\\x00")


def _clean(
    member: Member, batch: pa.RecordBatch, spec: Delimited
) -> tuple[pa.RecordBatch, list[Reject]]:
    """Text that Postgres can hold, and the rows that are not such."""
    try:
        return _as_text(batch), []
    except pa.ArrowInvalid:
        bad = _not_text(batch)
        rejects = [
            _not_text_reject(member, row, spec) for row in batch.filter(pa.array(bad)).to_pylist()
        ]
        return _as_text(batch.filter(pa.array(~bad))), rejects


def _not_text(batch: pa.RecordBatch) -> np.ndarray:
    """One boolean a row."""
    bad = np.zeros(batch.num_rows, dtype=bool)
    for name in batch.schema.names:
        if name == "line":
            continue
        values = batch[name]
        for row in _beyond_ascii(values):
            bad[row] |= not _is_text(values[row].as_py())
    return bad


def _beyond_ascii(values: pa.BinaryArray) -> list[int]:
    """The rows that have a zero byte or one beyond ASCII."""
    _, offsets, data = values.buffers()
    if not len(values) or data is None:
        return []
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    suspect = np.frombuffer(data, np.int8)[ends[0] : ends[-1]] <= 0
    return np.unique(
        np.searchsorted(ends - ends[0], np.flatnonzero(suspect), side="right") - 1
    ).tolist()


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in value


def _not_text_reject(member: Member, row: dict, spec: Delimited) -> Reject:
    content = spec.delimiter.encode().join(row[name][:SHOWN] for name in spec.columns.values())
    user_text = _shown(row["user_id"][:SHOWN]) if "user_id" in row else None
    reason = "not UTF-8 text, or a zero byte in it"
    return Reject(member.name, row["line"], reason, _shown(content[:SHOWN]), user_text)


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    text = {name: batch[name].cast(pa.string()) for name in batch.schema.names if name != "line"}
    if any(holds_byte(column, b"\0") for column in text.values()):
        raise pa.ArrowInvalid("a zero byte")
    return pa.RecordBatch.from_pydict({"line": batch["line"], **text})


def holds_byte(column: pa.BinaryArray | pa.StringArray, byte: bytes) -> bool:
    """Whether a value has this byte. Looks at all values' bytes as they lie in memory: to ask each
    takes many times as long.
    """
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
