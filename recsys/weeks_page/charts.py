"""The geometry of the page's charts, in units of their SVG viewBox. The template draws; this says
where.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zlib import crc32

from recsys.models import BASELINE, COMPETING
from recsys.round_values import round_step, round_values

#: Okabe and Ito's colours, which stay apart for colour-blind eyes, less those too light for a line
#: on white; then Tol's.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#AA4499", "#999933")
#: What all others are measured against.
BASELINE_COLOUR = "#7F8790"
#: The recipes that have a place in COLOURS; a name that is not here takes one by its digest.
COLOURED = tuple(name for name in COMPETING if name != BASELINE)
#: Recipes of one name share its colour: the first is solid, the others dashed.
DASHES = ("", "7 3", "2 3", "7 3 2 3")
#: Parts of a whole, from much to little: one hue, so that they do not look like recipes. The
#: template defines the colours.
SHADES = tuple(f"var(--shade-{place})" for place in range(1, 6))
REST_SHADE = "var(--shade-rest)"

#: Width of a label's letter, and of a digit, which some systems' fonts draw wider.
LETTER = 6.2
DIGIT = 7.4
#: From a label to the plane.
LABEL_GAP = 6


@dataclass(frozen=True)
class Style:
    """How a recipe looks wherever it stands."""

    label: str
    colour: str
    dash: str


def styles_of(keys: Iterable[str]) -> dict[str, Style]:
    """A look for each recipe key, in the order given; labelled by its name, or by its key where two
    share a name.

    The colour follows from the name alone, so that it is the same on every page; recipes that share
    a name differ by dash.
    """
    ordered = list(dict.fromkeys(keys))
    names = [name_of(key) for key in ordered]
    styles: dict[str, Style] = {}
    for place, (key, name) in enumerate(zip(ordered, names, strict=True)):
        label = name if names.count(name) == 1 else key
        dash = DASHES[names[:place].count(name) % len(DASHES)]
        styles[key] = Style(label, _colour(name), dash)
    return styles


def name_of(key: str) -> str:
    """Return the recipe's name in a recipe key."""
    return key.rpartition("-")[0] or key


def _colour(name: str) -> str:
    if name == BASELINE:
        return BASELINE_COLOUR
    place = COLOURED.index(name) if name in COLOURED else crc32(name.encode())
    return COLOURS[place % len(COLOURS)]


@dataclass(frozen=True)
class Frame:
    """A chart's plane: weeks from left to right, a place each, and values from `low` at the bottom
    to `high` at the top.
    """

    dates: Sequence[date]
    low: float
    high: float
    width: float = 960
    height: float = 250
    left: float = 46
    right: float = 8
    top: float = 12
    bottom: float = 26

    @property
    def pitch(self) -> float:
        """From one week to the next."""
        return (self.width - self.left - self.right) / len(self.dates)

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    @property
    def end(self) -> float:
        return self.width - self.right

    def x(self, day: date) -> float:
        """The middle of a week's place."""
        return round(self.left + (self.dates.index(day) + 0.5) * self.pitch, 1)

    def y(self, value: float) -> float:
        return round(
            self.floor - (value - self.low) / (self.high - self.low) * (self.floor - self.top), 1
        )

    def path(self, points: Iterable[tuple[date, float]]) -> str:
        """The corners of a line through (week, value)."""
        return " ".join(f"{self.x(day)},{self.y(value)}" for day, value in points)

    def ticks(self, n: int = 5) -> list[tuple[float, str]]:
        """Places and labels of round values, about `n` of them."""
        step = round_step((self.high - self.low) / n)
        digits = max(0, -math.floor(math.log10(step)))
        values = round_values(self.low, self.high, n)
        return [(self.y(value), f"{value:,.{digits}f}") for value in values]

    def week_labels(self) -> list[tuple[float, str]]:
        """Places and labels of as many weeks as there is room for; in a wide chart a year's first
        has the year with it.
        """
        wide = self.width > NARROW
        every = math.ceil((12 if wide else 7.5) * LETTER / self.pitch)
        shown = [day for day in self.dates[::every] if self.x(day) + 3 * LETTER <= self.width]
        years = [None, *(day.year for day in shown)]
        return [
            (self.x(day), day_label(day, year=wide and day.year != before))
            for day, before in zip(shown, years, strict=False)
        ]


#: Charts up to this width have no room for years.
NARROW = 400


def day_label(day: date, *, year: bool = True) -> str:
    """Return a date as a chart shows it, e.g. 3 Dec 2018."""
    return f"{day.day} {day:%b}" + (f" {day.year}" if year else "")


def frame_around(
    dates: Sequence[date],
    values: Iterable[float | None],
    *,
    floor: float | None = None,
    **shape: float,
) -> Frame:
    """A frame that holds all values with some air, from `floor` on where one is given, and the
    labels of its ticks whole.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    air = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    bottom = low - air if low < 0 else max(0.0, low - air)
    frame = Frame(dates, bottom if floor is None else floor, high + air, **shape)
    longest = max(len(label) for _, label in frame.ticks())
    return replace(frame, left=max(frame.left, longest * DIGIT + LABEL_GAP))


def spread(places: Mapping[str, float], *, gap: float, end: float) -> dict[str, float]:
    """Places for labels, from the top down: as given, but none nearer than `gap` to another, and
    none beyond `end`.
    """
    ordered = sorted(places, key=lambda name: (places[name], name))
    moved: dict[str, float] = {}
    last = -math.inf
    for name in ordered:
        last = moved[name] = max(places[name], last + gap)
    for name in reversed(ordered):
        moved[name] = min(moved[name], end)
        end = moved[name] - gap
    return moved


def runs(values: Sequence[str | None]) -> Iterator[tuple[str, int, int]]:
    """Stretches of one value: (value, first place, length). What is None is no stretch."""
    start = 0
    for place in range(1, len(values) + 1):
        value = values[start]
        if place == len(values) or values[place] != value:
            if value is not None:
                yield value, start, place - start
            start = place
