"""The geometry of the pages' charts, in units of their SVG viewBox. Templates draw what it says.

The page of all weeks (recsys.weeks_page) draws larger ones; it needs the models' names, and these
pages import nothing of the models.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from recsys.round_values import round_values

__all__ = ["Bars", "Interval", "Intervals", "Line", "Lines"]

LETTER = 6.4
#: Lines of a grid, about.
TICKS = 4


def label_of(value: float) -> str:
    """Return a tick's label: 20k, 1.5M, 0.04."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scale = 1e3 if unit == "k" else size
            return f"{value / scale:g}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.10g}"[:6]


@dataclass(frozen=True)
class Bars:
    """A bar chart: what is counted from left to right, and how many of each."""

    labels: Sequence[str]
    values: Sequence[float]
    width: float = 440
    height: float = 170
    left: float = 44
    top: float = 10
    bottom: float = 24

    @property
    def floor(self) -> float:
        """Return where bars stand."""
        return self.height - self.bottom

    @property
    def end(self) -> float:
        """Return the right edge."""
        return self.width - 4

    @cached_property
    def high(self) -> float:
        """Return the value at the top."""
        return max([*self.values, 0]) * 1.06 or 1.0

    @property
    def pitch(self) -> float:
        """Return how far two bars are apart."""
        return (self.end - self.left) / max(len(self.values), 1)

    def y(self, value: float) -> float:
        """Return a value's height."""
        return round(self.floor - value / self.high * (self.floor - self.top), 1)

    @property
    def bars(self) -> list[tuple[float, float, float, float, str, float]]:
        """Return x, y, width, height, label and value of each bar."""
        gap = min(4.0, self.pitch * 0.2)
        return [
            (
                round(self.left + place * self.pitch + gap / 2, 2),
                self.y(value),
                round(self.pitch - gap, 2),
                round(self.floor - self.y(value), 1),
                label,
                value,
            )
            for place, (label, value) in enumerate(zip(self.labels, self.values, strict=True))
        ]

    @property
    def lines(self) -> list[tuple[float, str]]:
        """Return height and label of the grid's lines."""
        return [(self.y(value), label_of(value)) for value in round_values(0, self.high, TICKS)]

    @property
    def shown_labels(self) -> list[tuple[float, str]]:
        """Return as many labels as there is room for."""
        longest = max([len(label) for label in self.labels], default=1)
        every = max(1, math.ceil((longest + 1.5) * LETTER / self.pitch))
        return [
            (round(self.left + (place + 0.5) * self.pitch, 1), label)
            for place, label in enumerate(self.labels)
            if place % every == 0
        ]


@dataclass(frozen=True)
class Line:
    """One line of a chart: a value a place, None where it has none. `look` is its class."""

    name: str
    values: Sequence[float | None]
    look: int = 0
    is_strong: bool = False
    lows: Sequence[float | None] = ()
    highs: Sequence[float | None] = ()


@dataclass(frozen=True)
class Lines:
    """A line chart over places such as weeks."""

    labels: Sequence[str]
    lines: Sequence[Line]
    width: float = 440
    height: float = 190
    left: float = 48
    right: float = 10
    top: float = 12
    bottom: float = 24
    from_zero: bool = False

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        values = [
            value
            for line in self.lines
            for value in (*line.values, *line.lows, *line.highs)
            if value is not None
        ]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if self.from_zero:
            low = min(low, 0.0)
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        return (low if self.from_zero and low == 0 else low - room), high + room

    @property
    def floor(self) -> float:
        """Return the plane's lower edge."""
        return self.height - self.bottom

    @property
    def end(self) -> float:
        """Return its right edge."""
        return self.width - self.right

    def x(self, place: int) -> float:
        """Return where a place is."""
        return round(self.left + (place + 0.5) * (self.end - self.left) / len(self.labels), 1)

    def y(self, value: float) -> float:
        """Return a value's height."""
        low, high = self._bounds
        return round(self.floor - (value - low) / (high - low) * (self.floor - self.top), 1)

    @property
    def grid(self) -> list[tuple[float, str]]:
        """Return height and label of the grid's lines."""
        values = round_values(*self._bounds, TICKS)
        return [(self.y(value), label_of(round(value, 10))) for value in values]

    def points(self, line: Line) -> list[tuple[float, float, str, float]]:
        """Return x, y, label and value of a line's points."""
        return [
            (self.x(place), self.y(value), self.labels[place], value)
            for place, value in enumerate(line.values)
            if value is not None
        ]

    def band(self, line: Line) -> str:
        """Return the corners of the area between a line's lows and highs."""
        places = [
            (self.x(place), low, high)
            for place, (low, high) in enumerate(zip(line.lows, line.highs, strict=True))
            if low is not None and high is not None
        ]
        upper = [f"{x},{self.y(high)}" for x, _, high in places]
        lower = [f"{x},{self.y(low)}" for x, low, _ in reversed(places)]
        return " ".join(upper + lower)

    @property
    def shown_labels(self) -> list[tuple[float, str]]:
        """Return as many labels as there is room for."""
        longest = max([len(label) for label in self.labels], default=1)
        pitch = (self.end - self.left) / max(len(self.labels), 1)
        every = max(1, math.ceil((longest + 2) * LETTER / pitch))
        return [(self.x(at), label) for at, label in enumerate(self.labels) if at % every == 0]


@dataclass(frozen=True)
class Interval:
    """A figure with its interval."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Intervals:
    """Figures with their intervals below each other, and a line at zero or another bound."""

    rows: Sequence[Interval]
    bound: float | None = None
    width: float = 440
    left: float = 8
    row_height: float = 44

    @property
    def height(self) -> float:
        """Return how high it is."""
        return self.row_height * len(self.rows) + 24

    @property
    def floor(self) -> float:
        """Return the plane's lower edge."""
        return self.height - 22

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        values = [value for row in self.rows for value in (row.low, row.high, row.value)]
        values += [0.0] + ([self.bound] if self.bound is not None else [])
        room = (max(values) - min(values)) * 0.06 or 0.01
        return min(values) - room, max(values) + room

    def x(self, value: float) -> float:
        """Return where a value is."""
        low, high = self._bounds
        return round(self.left + (value - low) / (high - low) * (self.width - 2 * self.left), 1)

    def y(self, place: int) -> float:
        """Return the height of a row's line."""
        return place * self.row_height + 30

    @property
    def grid(self) -> list[tuple[float, str]]:
        """Return place and label of the grid's lines, as far as their labels fit."""
        places = [(self.x(value), f"{value:+.10g}"[:7]) for value in round_values(*self._bounds, 6)]
        return [
            (x, label)
            for x, label in places
            if len(label) * LETTER / 2 <= x <= self.width - len(label) * LETTER / 2
        ]
