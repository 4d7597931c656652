"""Publishers' delimited files read the slow way: byte by byte where quotes count, line by line
elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

#: Characters beyond ASCII, as RFC 3629 has them.
UTF8 = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
#: Bytes that a row may have; a longer one is set aside.
LONGEST_ROW = 1 << 20
BAD_QUOTES = "a quote that is not closed, or text after it"


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

    def add(self, line: int, cells: "Cells", encoding: str) -> None:
        """Add a record whose text can be read; another is a reject."""
        try:
            values = {name: value.decode(encoding) for name, value in cells.items()}
        except UnicodeDecodeError:
            self.rejects[line] = "not UTF-8"
            return
        if "\0" in "".join(values.values()):
            self.rejects[line] = "a zero byte"
        else:
            self.rows.append(Row(line, values))


@dataclass(frozen=True)
class Record:
    """Values as bytes; `problem` where the record is none although its values can be counted."""

    values: list[bytes]
    problem: str = ""
    is_empty: bool = False
    line: int = 0


@dataclass(frozen=True)
class Header:
    """Column names, what follows the header, and the line at which that begins."""

    names: list[str]
    body: bytes
    first_line: int

    def problem(self, columns: Iterable[str]) -> str:
        """Return why the columns cannot be read, "" where they can."""
        missing = [name for name in columns if name not in self.names]
        if missing:
            return f"line 1: no column {', '.join(missing)}"
        if any(self.names.count(name) > 1 for name in columns):
            return "line 1: a column is there twice"
        return ""


Cells = dict[str, bytes]


def read_table(
    data: bytes, table: Table, *, encoding: str = "utf-8", ours: "Ours | None" = None
) -> Contents:
    """Return all of a file. `ours`: which rows are looked at; the others are counted and may be
    anything.
    """
    header = read_header(data, table)
    contents = Contents(refused=header.problem(table.columns))
    if contents.refused:
        return contents
    places = {name: header.names.index(name) for name in table.columns}
    for record in split_records(header, table):
        cells = cells_of(record, places)
        if not is_blank(record, cells, len(header.names)):
            contents.n_read += 1
            problem = problem_of(record, len(header.names))
            if problem:
                contents.rejects[record.line] = problem
            elif ours is None or ours(cells):
                contents.add(record.line, cells, encoding)
    return contents


class Ours:
    """Whether a row's value of one column is among these."""

    def __init__(self, column: str, values: set[str]) -> None:
        self._column = column
        self._values = {value.encode() for value in values}

    def __call__(self, cells: Cells) -> bool:
        return cells[self._column] in self._values


def cells_of(record: Record, places: Mapping[str, int]) -> Cells:
    """Return the values of our columns, as far as the record has them."""
    n_values = len(record.values)
    return {name: record.values[place] for name, place in places.items() if place < n_values}


def problem_of(record: Record, n_columns: int) -> str:
    """Return why a record is no row, "" where it is one."""
    n_values = len(record.values)
    if record.problem or n_values == n_columns:
        return record.problem
    return f"{n_values} columns, expected {n_columns}"


def is_blank(record: Record, cells: Cells, n_columns: int) -> bool:
    """Return whether a line is empty, or has its delimiters and nothing of ours between them."""
    if record.is_empty:
        return True
    return not record.problem and len(record.values) == n_columns and not any(cells.values())


def read_header(data: bytes, table: Table) -> Header:
    """Return the header and what follows it. A byte order mark is no text."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\n" not in data:  # the line ends of old Macs
        data = data.replace(b"\r", b"\n")
    if not table.header:
        return Header(list(table.layout or table.columns), data, 1)
    first, _, body = data.partition(b"\n")
    return Header(column_names(first, table.delimiter), body, 2)


def column_names(line: bytes, delimiter: bytes) -> list[str]:
    text = line.decode("utf-8", errors="replace").rstrip("\r")
    return [name.strip().strip('"') for name in text.split(delimiter.decode())]


def encoding_of(files: Iterable[bytes], *, as_ml_1m: bool) -> str:
    """Return UTF-8 or latin-1, the same for all. `as_ml_1m`: the release has a file of users, as
    those in latin-1 have.
    """
    contents = list(files)
    characters = [character for data in contents for character in UTF8.findall(data)]
    n_beyond_ascii = sum(len(BEYOND_ASCII.findall(data)) for data in contents)
    n_bad = n_beyond_ascii - sum(map(len, characters))
    is_utf8 = len(characters) > n_bad if as_ml_1m else bool(characters)
    return "utf-8" if is_utf8 or not n_bad else "latin-1"


def split_records(header: Header, table: Table) -> Iterator[Record]:
    """Yield every record, and every line that is none."""
    lines = header.body.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    place = 0
    while place < len(lines):
        record, n_lines = read_record(lines, place, table, len(header.names))
        yield replace(record, line=header.first_line + place)
        place += n_lines


def read_record(lines: list[bytes], place: int, table: Table, n_columns: int) -> tuple[Record, int]:
    """Return the record that begins with the line at this place, and of how many lines it is."""
    content = lines[place]
    if len(content) > LONGEST_ROW:
        return Record([], "too long"), 1
    if not (table.quoted and b'"' in content):
        return plain_record(content.removesuffix(b"\r"), table.delimiter), 1
    quoted = QuotedRecord(lines, place)
    if quoted.read(table.delimiter, n_columns):
        return Record(quoted.values), quoted.n_lines
    return Record([], BAD_QUOTES), 1


def plain_record(text: bytes, delimiter: bytes) -> Record:
    """Return the record of one line, cut at each delimiter."""
    problem = "a CR in the row" if b"\r" in text else ""
    return Record(text.split(delimiter), problem, is_empty=not text)


class QuotedRecord:
    """The record that begins with the line at a place, while it is read.

    RFC 4180: a quote that begins a value ends with it, and is written twice inside. Elsewhere a
    quote is a letter. `rest` is what is left to read of its last line.
    """

    def __init__(self, lines: list[bytes], place: int) -> None:
        self.lines = lines
        self.place = place
        self.n_lines = 1
        self.rest = lines[place]
        self.values: list[bytes] = []

    def read(self, delimiter: bytes, n_columns: int) -> bool:
        """Read all values; return whether it is a record."""
        while True:
            is_quoted = self.rest.startswith(b'"')
            value = self.quoted_value(n_columns) if is_quoted else self.plain_value(delimiter)
            if value is None:
                return False
            self.values.append(value)
            if self.rest in (b"", b"\r"):
                return True
            if not self.rest.startswith(delimiter):
                return False
            self.rest = self.rest[len(delimiter) :]

    def plain_value(self, delimiter: bytes) -> bytes | None:
        """Read up to the next delimiter; return None for a value with a CR."""
        value = re.split(rb"\r$|" + re.escape(delimiter), self.rest, maxsplit=1)[0]
        self.rest = self.rest[len(value) :]
        return None if b"\r" in value else value

    def quoted_value(self, n_columns: int) -> bytes | None:
        """Read a value in quotes; return None where it has no end, or has none soon enough."""
        n_lines = self.n_lines
        value = self.text_in_quotes()
        too_many = self.n_lines > n_lines and len(self.values) >= n_columns
        return None if too_many or self.n_bytes > LONGEST_ROW + 1 else value

    @property
    def n_bytes(self) -> int:
        """The bytes of the lines that are read, with their ends."""
        lines = self.lines[self.place : self.place + self.n_lines]
        return sum(map(len, lines)) + self.n_lines

    def text_in_quotes(self) -> bytes | None:
        """Read from a quote to the one that closes it; return None where none does."""
        value = bytearray()
        self.rest = self.rest[1:]
        while True:
            before, quote, self.rest = self.rest.partition(b'"')
            value += before
            if quote and not self.rest.startswith(b'"'):
                return bytes(value)
            if quote:
                self.rest = self.rest[1:]
            elif not self.go_to_next_line():
                return None
            value += quote or b"\n"

    def go_to_next_line(self) -> bool:
        """Take the next line too; return whether there is one."""
        place = self.place + self.n_lines
        if place == len(self.lines):
            return False
        self.rest = self.lines[place]
        self.n_lines += 1
        return True
