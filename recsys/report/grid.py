"""A table's cells, and as many tables as a terminal's width makes of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["PAGE_WIDTH", "WIDTH", "Grid"]

#: Columns of a terminal that nobody has widened, and of a page that is kept.
WIDTH = 80
PAGE_WIDTH = 120


@dataclass(frozen=True)
class Grid:
    """A header, and lines of as many cells. The first column names what a line is about."""

    header: Sequence[str]
    lines: Sequence[Sequence[str]]

    @property
    def widths(self) -> list[int]:
        """The width of each column, by its longest cell."""
        return [max(map(len, column)) for column in zip(self.header, *self.lines, strict=True)]

    @property
    def width(self) -> int:
        """The width of the whole, drawn with a line between columns and a blank beside it."""
        return sum(self.widths) + 3 * len(self.widths) + 1

    def columns(self, places: Iterable[int]) -> "Grid":
        """Return some of the columns."""
        chosen = list(places)
        lines = [[line[place] for place in chosen] for line in self.lines]
        return Grid([self.header[place] for place in chosen], lines)

    def fitting(self, width: int = WIDTH) -> Iterator["Grid"]:
        """Yield as many grids as the width needs: each has the first column, and some others."""
        places = [0]
        for place in range(1, len(self.header)):
            if len(places) > 1 and self.columns([*places, place]).width > width:
                yield self.columns(places)
                places = [0]
            places.append(place)
        yield self.columns(places)

    def markdown(self, width: int = WIDTH) -> str:
        """Return the grid as tables in Markdown, none wider than that."""
        return "\n\n".join(grid.table() for grid in self.fitting(width))

    def table(self) -> str:
        rule = ["-" * width for width in self.widths]
        return "\n".join(map(self.row, (self.header, rule, *self.lines)))

    def row(self, cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, self.widths, strict=True)]
        return f"| {' | '.join(padded)} |"
