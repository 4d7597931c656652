"""A release's files while they are changed."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps

from bench.mutants.releases import Release

#: How the files of each layout part their columns.
DELIMITERS = {".csv": b",", ".dat": b"::", "u.data": b"\t", ".tsv": b"\t", "u.": b"|"}
HEADED = (".csv", ".tsv")
LINE = re.compile(rb"[^\n]*\n|[^\n]+")

Change = Callable[["Draft"], None]
Edit = Callable[[bytes], bytes]


@dataclass
class Draft:
    """Files by name, the dice, and notes of what was done to them."""

    release: Release
    dice: random.Random
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.files = dict(self.release.files)

    def some_file(self) -> "File":
        """Draw one that the layout reads, if there is one left."""
        names = sorted(set(self.files) & set(self.release.files) - {"u.genre"})
        return File(self, self.dice.choice(names or sorted(self.files)))

    def note(self, note: str) -> None:
        self.notes.append(note)


@dataclass(frozen=True)
class Cells:
    """One column's values in the lines at these places."""

    places: list[int]
    column: int

    def __str__(self) -> str:
        return f"column {self.column} of lines {numbers(self.places)}"


@dataclass
class File:
    """One of a draft's files, as bytes, as lines and as cells."""

    draft: Draft
    name: str

    @property
    def dice(self) -> random.Random:
        return self.draft.dice

    @property
    def data(self) -> bytes:
        return self.draft.files[self.name]

    @data.setter
    def data(self, data: bytes) -> None:
        self.draft.files[self.name] = data

    @property
    def lines(self) -> list[bytes]:
        """The lines with their ends, at least one."""
        return lines_of(self.data) or [b"\n"]

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.data = b"".join(lines)

    @property
    def n_headers(self) -> int:
        """How many lines name the columns: one or none."""
        return int(self.name.endswith(HEADED))

    @property
    def delimiter(self) -> bytes:
        """What parts the columns, by the file's name."""
        return next((parts for part, parts in DELIMITERS.items() if part in self.name), b",")

    def some_byte(self) -> int:
        return self.dice.randint(0, len(self.data))

    def some_line(self) -> int:
        return self.dice.randrange(len(self.lines))

    def some_rows(self, most: int) -> list[int]:
        """Draw places of 1 to `most` lines that are no header, ascending."""
        n_lines = len(self.lines)
        rows = range(min(self.n_headers, n_lines - 1), n_lines)
        return sorted(self.dice.sample(rows, min(self.dice.randint(1, most), len(rows))))

    def some_cells(self, most: int, n_columns: int) -> Cells:
        """Draw 1 to `most` rows and one of so many columns."""
        return Cells(self.some_rows(most), self.dice.randrange(n_columns))

    def replace(self, at: int, n_bytes: int, data: bytes) -> None:
        """Put the data in the place of so many bytes."""
        self.data = self.data[:at] + data + self.data[at + n_bytes :]

    def replace_lines(self, at: int, n_lines: int, lines: list[bytes]) -> None:
        """Put the lines in the place of so many lines."""
        self.lines = self.lines[:at] + lines + self.lines[at + n_lines :]

    def edit_rows(self, places: list[int], edit: Edit) -> None:
        """Replace the text of these lines; their ends stay."""
        lines = self.lines
        for place in places:
            text, end = text_and_end(lines[place])
            lines[place] = edit(text) + end
        self.lines = lines

    def edit_cells(self, cells: Cells, edit: Edit) -> None:
        """Replace these values. A line is cut at each delimiter, quoted or not."""

        def edit_text(text: bytes) -> bytes:
            values = text.split(self.delimiter)
            place = cells.column % len(values)
            values[place] = edit(values[place])
            return self.delimiter.join(values)

        self.edit_rows(cells.places, edit_text)


def to_some_file(change: Callable[[File], str]) -> Change:
    """Return the change made to a file that is drawn, and noted as the change says."""

    @wraps(change)
    def change_some_file(draft: Draft) -> None:
        file = draft.some_file()
        draft.note(f"{file.name}: {change(file)}")

    return change_some_file


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines with their ends."""
    return LINE.findall(data)


def text_and_end(line: bytes) -> tuple[bytes, bytes]:
    """Return a line without its end, and its end."""
    text = line.rstrip(b"\r\n")
    return text, line[len(text) :]


def numbers(places: list[int]) -> list[int]:
    """Return the numbers of the lines at these places, as people count them."""
    return [place + 1 for place in places]
