"""What goes wrong with columns and the values in them. Each change returns what it did."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.mutants.draft import Cells, Edit, File, numbers, text_and_end, to_some_file
from bench.mutants.oddities import ODD_VALUES

#: What a value gets before and behind it, in some rows and in all.
EXTENSIONS = (
    (b"", b".0"),
    (b'"', b'"'),
    (b" ", b" "),
    (b"tt", b""),
    (b"", b"000"),
    (b"-", b""),
    (b'"', b'" x'),
    (b'x "', b'"'),
)
EXTENSIONS_OF_ALL = ((b"", b".0"), (b"", b"000"), (b'"', b'"'), (b" ", b""), (b"0", b""))
SIZES = (300_000, (1 << 20) - 10, (1 << 20) + 10, 5_000_000)
DELIMITERS = (b";", b"\t", b"|", b",", b"::", b"\x1f", b", ")
LINE_BREAKS = (b"\n", b"\r\n", b"\r")
#: A row's text and its delimiter → the row with other columns.
ROW_EDITS: tuple[Callable[[bytes, bytes], bytes], ...] = (
    lambda text, delimiter: text + delimiter,
    lambda text, delimiter: text + delimiter + b"more",
    lambda text, delimiter: delimiter + text,
    lambda text, delimiter: text.partition(delimiter)[2],
    lambda text, delimiter: text.rpartition(delimiter)[0],
    lambda text, delimiter: delimiter.join(reversed(text.split(delimiter))),
    lambda text, delimiter: text + delimiter + b"Mis\xe9re",
    lambda text, delimiter: delimiter * text.count(delimiter),
)
HEADER_EDITS: tuple[Edit, ...] = (
    lambda text: text.upper(),
    lambda text: text.lower(),
    lambda text: b" " + text,
    lambda text: text.replace(b"I", b"_i"),
    lambda text: text[:-1],
    lambda text: b"sep=,\n" + text,
)


@to_some_file
def values_replaced(file: File) -> str:
    cells = file.some_cells(3, 6)
    odd = file.dice.choice(ODD_VALUES)
    file.edit_cells(cells, lambda _: odd)
    return f"{odd[:40]!r} in {cells}"


@to_some_file
def values_extended(file: File) -> str:
    cells = file.some_cells(3, 6)
    before, after = file.dice.choice(EXTENSIONS)
    file.edit_cells(cells, lambda value: before + value + after)
    return f"{before!r} and {after!r} around {cells}"


@to_some_file
def whole_column_extended(file: File) -> str:
    rows = list(range(file.n_headers, len(file.lines)))
    cells = Cells(rows, file.dice.randrange(6))
    before, after = file.dice.choice(EXTENSIONS_OF_ALL)
    file.edit_cells(cells, lambda value: before + value + after)
    return f"{before!r} and {after!r} around all of column {cells.column}"


@to_some_file
def all_quoted(file: File) -> str:
    delimiter = file.delimiter
    all_lines = list(range(len(file.lines)))
    file.edit_rows(all_lines, lambda text: quote_values(text, delimiter))
    return "all values in quotes"


def quote_values(text: bytes, delimiter: bytes) -> bytes:
    """Return the row with each value in quotes; one that has quotes stays."""
    if b'"' in text:
        return text
    return delimiter.join(b'"' + value + b'"' for value in text.split(delimiter))


@to_some_file
def huge_value(file: File) -> str:
    rows = file.some_rows(1)
    size = file.dice.choice(SIZES)
    cells = Cells(rows, file.dice.randrange(4))
    file.edit_cells(cells, lambda _: b"y" * size)
    return f"{size} bytes in column {cells.column} of line {rows[0] + 1}"


@to_some_file
def columns_of_some_rows(file: File) -> str:
    places = file.some_rows(3)
    delimiter = file.delimiter
    edit = file.dice.choice(ROW_EDITS)
    file.edit_rows(places, lambda text: edit(text, delimiter))
    return f"other columns in lines {numbers(places)}"


#: Kind → what it does to a line's values, given two columns and the line's number.
REARRANGEMENTS: dict[str, Callable[[list[bytes], int, int, bytes], list[bytes]]] = {
    "dropped": lambda values, first, second, number: values[:first] + values[first + 1 :],
    "swapped": lambda values, first, second, number: swap(values, first, second),
    "repeated": lambda values, first, second, number: [
        *values[:second],
        values[first],
        *values[second:],
    ],
    "added in front": lambda values, first, second, number: [number, *values],
    "added behind": lambda values, first, second, number: [*values, number],
    "turned": lambda values, first, second, number: values[::-1],
}


@dataclass(frozen=True)
class Rearrangement:
    """What happens to the columns of all lines. With `with_end`, a line's \\r is of its last."""

    kind: str
    with_end: bool
    first: int
    second: int

    def rearrange(self, line: bytes, number: int, delimiter: bytes) -> bytes:
        """Return the line with its columns so; `number` is its place in the file."""
        text, end = (line.removesuffix(b"\n"), b"\n") if self.with_end else text_and_end(line)
        values = text.split(delimiter)
        columns = self.first % len(values), self.second % len(values)
        changed = REARRANGEMENTS[self.kind](values, *columns, str(number).encode())
        return delimiter.join(changed) + end

    def __str__(self) -> str:
        ends = ", ends too" if self.with_end else ""
        return f"column {self.first} {self.kind} in all lines{ends}"


@to_some_file
def columns_of_all_rows(file: File) -> str:
    """Dropped, swapped, added, turned: the header's too. The line's end goes with its last column
    now and then.
    """
    dice = file.dice
    rearrangement = Rearrangement(
        kind=dice.choice(list(REARRANGEMENTS)),
        with_end=dice.random() < 0.2,
        first=dice.randrange(4),
        second=dice.randrange(4),
    )
    delimiter = file.delimiter
    file.lines = [
        rearrangement.rearrange(line, number, delimiter) for number, line in enumerate(file.lines)
    ]
    return str(rearrangement)


def swap(values: list[bytes], first: int, second: int) -> list[bytes]:
    swapped = list(values)
    swapped[first], swapped[second] = values[second], values[first]
    return swapped


@to_some_file
def other_delimiter(file: File) -> str:
    delimiter = file.dice.choice(DELIMITERS)
    file.data = file.data.replace(file.delimiter, delimiter)
    return f"columns parted by {delimiter!r}"


@to_some_file
def header_changed(file: File) -> str:
    first, *others = file.lines
    text, end = text_and_end(first)
    changed = file.dice.choice(HEADER_EDITS)(text) + end
    file.lines = file.dice.choice([[changed, *others], others, [first, first, *others]])
    return "another header, none or two"


@to_some_file
def open_quote(file: File) -> str:
    """A quote that is never closed, or closed where it should not be."""
    cells = file.some_cells(2, 4)
    file.edit_cells(cells, lambda value: b'"' + value)
    return f"a quote opens {cells}"


@to_some_file
def line_break_in_quotes(file: File) -> str:
    rows = file.some_rows(2)
    end = file.dice.choice(LINE_BREAKS)
    cells = Cells(rows, file.dice.randrange(4))
    file.edit_cells(cells, lambda value: b'"' + value[:3] + end + value[3:] + b'"')
    return f"{end!r} between quotes in {cells}"
