"""Publishers' delimited files read the slow way: byte by byte where quotes count, line by line
elsewhere.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: Characters beyond ASCII, as RFC 3629 has them.
_UTF8 = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
#: Bytes that a row may have; a longer one is set aside.
LONGEST_ROW = 1 << 20


@dataclass(frozen=True)
class Table:
    """How a file is written.

    `columns`: those that are read. With `header`, they are found by the names in the first line;
    else `layout` names all columns in order, or they are all there are.
    """

    columns: tuple[str, ...]
    delimiter: bytes
    header: bool
    quoted: bool = False
    layout: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A record with as many values as there are columns: our columns' text by name, and the line in
    which it begins.
    """

    line: int
    values: dict[str, str]


@dataclass
class Contents:
    """A file's records. `n_read`: rows and rejects, without blank lines. `refused`: why the file
    cannot be read at all.
    """

    rows: list[Row] = field(default_factory=list)
    rejects: dict[int, str] = field(default_factory=dict)  # line → reason
    n_read: int = 0
    refused: str = ""


@dataclass(frozen=True)
class Record:
    """Values as bytes; `problem` where the record is none although its values can be counted."""

    line: int
    values: list[bytes]
    problem: str = ""
    is_empty: bool = False


def read_table(
    data: bytes, table: Table, *, encoding: str = "utf-8", ours: "Ours | None" = None
) -> Contents:
    """All of a file. `ours`: which rows are looked at; the others are counted and nothing is asked
    of them.
    """
    contents = Contents()
    names, body, first = read_header(data, table)
    missing = [name for name in table.columns if name not in names]
    if missing:
        contents.refused = f"line 1: no column {', '.join(missing)}"
        return contents
    if any(names.count(name) > 1 for name in table.columns):
        contents.refused = "line 1: a column is there twice"
        return contents
    places = {name: names.index(name) for name in table.columns}
    for record in split_records(body, table, first, len(names)):
        taken = {
            name: record.values[place]
            for name, place in places.items()
            if place < len(record.values)
        }
        if is_blank(record, taken, len(names)):
            continue
        contents.n_read += 1
        if record.problem or len(record.values) != len(names):
            contents.rejects[record.line] = record.problem or (
                f"{len(record.values)} columns, expected {len(names)}"
            )
        elif ours is None or ours(taken):
            take_row(contents, record.line, taken, encoding)
    return contents


class Ours:
    """Whether a row's value of one column is among these."""

    def __init__(self, column: str, values: set[str]) -> None:
        self._column = column
        self._values = {value.encode() for value in values}

    def __call__(self, taken: dict[str, bytes]) -> bool:
        return taken[self._column] in self._values


def is_blank(record: Record, taken: dict[str, bytes], n_columns: int) -> bool:
    """An empty line, or one that has its delimiters and nothing of ours between them."""
    if record.is_empty:
        return True
    return not record.problem and len(record.values) == n_columns and not any(taken.values())


def take_row(contents: Contents, line: int, taken: dict[str, bytes], encoding: str) -> None:
    try:
        text = {name: value.decode(encoding) for name, value in taken.items()}
    except UnicodeDecodeError:
        contents.rejects[line] = "not UTF-8"
        return
    if any("\0" in value for value in text.values()):
        contents.rejects[line] = "a zero byte"
        return
    contents.rows.append(Row(line, text))


def read_header(data: bytes, table: Table) -> tuple[list[str], bytes, int]:
    """Column names, what follows the header, and the line at which that begins. A byte order mark
    is no text.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\n" not in data:  # the line ends of old Macs
        data = data.replace(b"\r", b"\n")
    if not table.header:
        return list(table.layout or table.columns), data, 1
    first, _, body = data.partition(b"\n")
    text = first.decode("utf-8", errors="replace").rstrip("\r")
    names = [name.strip().strip('"') for name in text.split(table.delimiter.decode())]
    return names, body, 2


def encoding_of(files: Iterable[bytes], *, as_ml_1m: bool) -> str:
    """UTF-8 or latin-1, the same for all. `as_ml_1m`: the release has a file of users, as those in
    latin-1 have.
    """
    n_characters, n_bytes, n_beyond_ascii = 0, 0, 0
    for data in files:
        characters = _UTF8.findall(data)
        n_characters += len(characters)
        n_bytes += sum(map(len, characters))
        n_beyond_ascii += len(_BEYOND_ASCII.findall(data))
    n_bad = n_beyond_ascii - n_bytes
    is_utf8 = n_characters > n_bad if as_ml_1m else n_characters > 0
    return "utf-8" if is_utf8 or not n_bad else "latin-1"


def split_records(body: bytes, table: Table, first: int, n_columns: int) -> Iterator[Record]:
    """Every record, and every line that is none."""
    lines = body.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    place = 0
    while place < len(lines):
        text = lines[place].removesuffix(b"\r")
        n_lines = 1
        if len(lines[place]) > LONGEST_ROW:
            record = Record(first + place, [], "too long")
        elif table.quoted and b'"' in text:
            values, n_lines = read_quoted_values(lines, place, table.delimiter, n_columns)
            record = Record(
                first + place,
                values,
                "" if values else "a quote that is not closed, or text after it",
            )
        else:
            problem = "a CR in the row" if b"\r" in text else ""
            record = Record(first + place, text.split(table.delimiter), problem, is_empty=not text)
        yield record
        place += n_lines


def read_quoted_values(
    lines: list[bytes], place: int, delimiter: bytes, n_columns: int
) -> tuple[list[bytes], int]:
    """The values of the record that begins with this line, and of how many lines it is; none where
    it is no record.

    RFC 4180: a quote that begins a value ends with it, and is written twice inside. Elsewhere a
    quote is a letter.
    """
    text = lines[place]
    n_lines = 1
    values: list[bytes] = []
    while True:
        if text.startswith(b'"'):
            value, text, more = read_quoted_value(text[1:], lines, place + n_lines)
            n_lines += more
            too_many = more and len(values) >= n_columns
            if (
                value is None
                or too_many
                or sum(map(len, lines[place : place + n_lines])) + n_lines > LONGEST_ROW + 1
            ):
                return [], 1
        else:
            value = re.split(rb"\r$|" + re.escape(delimiter), text, maxsplit=1)[0]
            text = text[len(value) :]
            if b"\r" in value:
                return [], 1
        values.append(value)
        if text in (b"", b"\r"):
            return values, n_lines
        if not text.startswith(delimiter):
            return [], 1
        text = text[len(delimiter) :]


def read_quoted_value(
    text: bytes, lines: list[bytes], place: int
) -> tuple[bytes | None, bytes, int]:
    """The value, what stands behind it on its last line, and how many lines it takes besides. None
    where it has no end.
    """
    value = bytearray()
    more = 0
    while True:
        before, quote, text = text.partition(b'"')
        value += before
        if quote and not text.startswith(b'"'):
            return bytes(value), text, more
        if quote:
            value += quote
            text = text[1:]
        elif place + more < len(lines):
            value += b"\n"
            text = lines[place + more]
            more += 1
        else:
            return None, b"", more
