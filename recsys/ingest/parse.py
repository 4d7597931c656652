"""A block of rows as columns of bytes, by Arrow's reader of CSV."""

from typing import Protocol

import pyarrow as pa
import pyarrow.csv as pacsv

_BOM = b"\xef\xbb\xbf"
#: Bytes that stand for a longer delimiter: control characters, which text does not have.
_SIGNS = [
    bytes([byte]) for byte in (0x1F, 0x1E, 0x1D, 0x1C, *range(0x01, 0x09), *range(0x0E, 0x1C))
]


class Columns(Protocol):
    """What of a file is read: publisher's name → ours; and whether a value may be quoted."""

    @property
    def columns(self) -> dict[str, str]: ...
    @property
    def quoted(self) -> bool: ...


def with_one_byte(data: bytes, delimiter: bytes) -> tuple[bytes, bytes]:
    """Return the data with one byte for each delimiter, and that byte: Arrow knows no `::`."""
    if len(delimiter) == 1:
        return data, delimiter
    sign = next((sign for sign in _SIGNS if sign not in data), _SIGNS[0])
    return data.replace(delimiter, sign), sign


def parse_rows(data: bytes, sign: bytes, names: list[str], spec: Columns) -> pa.RecordBatch | None:
    """Return our columns of rows that take a line each, unless quoted; None where one has another
    number of columns. `names`: of all columns; `sign`: the byte between them.
    """
    if not data:
        return no_rows(list(spec.columns.values()))
    # which Arrow would take away: inside a file it is text
    has_bom = data.startswith(_BOM)
    try:
        table = _read_csv(b"\n" + data if has_bom else data, sign, names, spec)
    except pa.ArrowInvalid:
        return None
    (batch,) = table.rename_columns(list(spec.columns.values())).to_batches()
    return batch.slice(1) if has_bom else batch


def no_rows(columns: list[str]) -> pa.RecordBatch:
    """Return an empty batch of these columns."""
    return pa.RecordBatch.from_arrays([pa.array([], pa.binary())] * len(columns), columns)


def _read_csv(data: bytes, sign: bytes, names: list[str], spec: Columns) -> pa.Table:
    return pacsv.read_csv(
        pa.BufferReader(data),
        read_options=_read_options(names, len(data)),
        parse_options=_parse_options(sign, quoted=spec.quoted and b'"' in data),
        convert_options=_convert_options(names, list(spec.columns)),
    )


def _read_options(names: list[str], n_bytes: int) -> pacsv.ReadOptions:
    return pacsv.ReadOptions(column_names=names, block_size=n_bytes + 2, use_threads=False)


def _parse_options(sign: bytes, *, quoted: bool) -> pacsv.ParseOptions:
    return pacsv.ParseOptions(
        delimiter=sign.decode(),
        quote_char='"' if quoted else False,
        newlines_in_values=quoted,
        ignore_empty_lines=False,
    )


def _convert_options(names: list[str], included: list[str]) -> pacsv.ConvertOptions:
    return pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.binary()),
        include_columns=included,
        strings_can_be_null=False,
    )
