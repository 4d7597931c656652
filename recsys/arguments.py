"""Types of the command line's arguments: numbers and dates, each within bounds that are said where
they are passed.
"""

import re
from argparse import ArgumentTypeError
from dataclasses import dataclass
from datetime import date

from recsys.limits import LIMITS, Limit

#: The largest number of Postgres' bigint, which ids are.
MOST_ID = 2**63 - 1


@dataclass(frozen=True)
class Number:
    """A number within a limit. Raises ArgumentTypeError saying what was found and what was
    expected.
    """

    limit: Limit

    def __call__(self, text: str) -> float:
        value = _number(text, whole=self.limit.whole)
        if not self.limit.admits(value):
            raise ArgumentTypeError(f"found {text[:40]!r}; expected {self.limit}")
        return value


@dataclass(frozen=True)
class Day:
    """A date that a span of weeks can be added to, and that Postgres, numpy and time zones all
    know.
    """

    first: date = date(1900, 1, 1)
    last: date = date(2999, 12, 31)

    def __call__(self, text: str) -> date:
        day = _date(text)
        if day is None or not self.first <= day <= self.last:
            raise ArgumentTypeError(
                f"found {text[:40]!r}; expected a date as 2018-09-24, from "
                f"{self.first} to {self.last}"
            )
        return day


def limited(name: str) -> Number:
    """Return the type of an argument that a run's form and the settings know by the same name."""
    return Number(LIMITS[name])


def whole(least: int, most: int) -> Number:
    """Return the type of a whole number of the command line's own."""
    return Number(Limit(least, most))


def _date(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str, *, whole: bool) -> float:
    pattern = (
        r"[+-]?\d{1,40}" if whole else r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?"
    )
    if not re.fullmatch(pattern, text.strip(), re.ASCII | re.IGNORECASE):
        return float("nan")
    return int(text) if whole else float(text)


DAY = Day()
#: Users and movies: MovieLens counts from 1, other sources from 0.
ID = whole(0, MOST_ID)
PUBLICATION = whole(1, MOST_ID)
#: Of history, and of replays: nearly a hundred years.
WEEKS = whole(1, 5_000)
LENGTH = limited("top_n")
DESCRIPTOR = whole(0, 1_048_575)  # of an open file, in this process
MINUTES = Number(Limit(1, 100_000, whole=False))  # the longest film takes some 51,000
YEAR = whole(1870, 2100)
