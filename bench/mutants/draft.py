"""A release's files while they are changed."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.mutants.releases import Release

#: How the files of each layout part their columns.
DELIMITERS = {".csv": b",", ".dat": b"::", "u.data": b"\t", ".tsv": b"\t", "u.": b"|"}
HEADED = (".csv", ".tsv")
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")


def delimiter_of(name: str) -> bytes:
    """What parts the columns of the file of that name."""
    return next((delimiter for part, delimiter in DELIMITERS.items() if part in name), b",")


def is_headed(name: str) -> bool:
    """Whether its first line names the columns."""
    return name.endswith(HEADED)


def lines_of(data: bytes) -> list[bytes]:
    """With their ends."""
    return _LINES.findall(data)


def text_and_end(line: bytes) -> tuple[bytes, bytes]:
    """A line without its end, and its end."""
    text = line.rstrip(b"\r\n")
    return text, line[len(text) :]


@dataclass
class Draft:
    """Files by name, the dice, and what was done to them."""

    release: Release
    dice: random.Random
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.files = dict(self.release.files)

    def some_file(self) -> str:
        """One that the layout reads, if there is one left."""
        names = sorted(set(self.files) & set(self.release.files) - {"u.genre"})
        return self.dice.choice(names or sorted(self.files))

    def lines(self, name: str) -> list[bytes]:
        """The file's lines, at least one."""
        return lines_of(self.files.get(name, b"")) or [b"\n"]

    def set_lines(self, name: str, lines: list[bytes]) -> None:
        self.files[name] = b"".join(lines)

    def some_rows(self, name: str, most: int) -> list[int]:
        """Places of 1 to `most` lines that are no header, ascending."""
        first = 1 if is_headed(name) else 0
        n_lines = len(self.lines(name))
        rows = range(min(first, n_lines - 1), n_lines)
        return sorted(self.dice.sample(rows, min(self.dice.randint(1, most), len(rows))))

    def edit_rows(self, name: str, places: list[int], edit: Callable[[bytes], bytes]) -> None:
        """Replace the text of these lines; their ends stay."""
        lines = self.lines(name)
        for place in places:
            text, end = text_and_end(lines[place])
            lines[place] = edit(text) + end
        self.set_lines(name, lines)

    def edit_values(
        self, name: str, places: list[int], column: int, edit: Callable[[bytes], bytes]
    ) -> None:
        """Replace one column's value in these lines. Cut at each delimiter, quoted or not."""
        delimiter = delimiter_of(name)

        def edited(text: bytes) -> bytes:
            values = text.split(delimiter)
            place = column % len(values)
            values[place] = edit(values[place])
            return delimiter.join(values)

        self.edit_rows(name, places, edited)

    def note(self, what: str) -> None:
        self.notes.append(what)
