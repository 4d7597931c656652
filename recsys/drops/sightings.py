"""When the events of a published release happened, and when each of its movies and users was first
seen.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from recsys.errors import DropError
from recsys.ingest.layouts import LayoutFile
from recsys.ingest.numbers import whole_numbers
from recsys.ingest.ratings import SINCE, UNTIL

#: The column that says when a row happened, of the tables that have one.
TIMES = {"ratings": "rated_at", "tags": "tagged_at"}
_BEFORE_ALL = 0
_YEAR = re.compile(r"\(([0-9]{4})\)")
_NO_YEAR = 9999  # a title without a year may be of the future


@dataclass(frozen=True)
class Event:
    """A rating's or a tag's time, in seconds since 1970, and where it stands."""

    time: int
    file: str
    line: int

    def __str__(self) -> str:
        return (
            f"{self.file} line {self.line:,} is of "
            f"{datetime.fromtimestamp(self.time, UTC):%Y-%m-%d}"
        )


class FirstTimes:
    """When each id was first seen. Ids and times are int64 arrays of one length."""

    def __init__(self) -> None:
        self.ids = np.empty(0, dtype=np.int64)
        self.times = np.empty(0, dtype=np.int64)

    def note(self, ids: np.ndarray, times: np.ndarray) -> None:
        """Take sightings in; an id's earliest counts."""
        self.ids, place = np.unique(np.concatenate([self.ids, ids]), return_inverse=True)
        first = np.full(len(self.ids), np.iinfo(np.int64).max)
        np.minimum.at(first, place, np.concatenate([self.times, times]))
        self.times = first

    def of(self, ids: np.ndarray, default: int) -> np.ndarray:
        """Return the first time of each id, `default` where it was never seen."""
        if not len(self.ids):
            return np.full(len(ids), default)
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, self.times[place], default)


class Sightings:
    """The first sighting of each movie and each user, and the newest event."""

    def __init__(self, where: str) -> None:
        self.newest = Event(-1, "", 0)
        self._where = where
        self._movies = FirstTimes()
        self._users = FirstTimes()
        # movies without an event: ids and years
        self._unseen: list[tuple[np.ndarray, np.ndarray]] = []

    def see(self, file: LayoutFile, rows: pa.RecordBatch) -> None:
        """Take rows into account: those of files with events before the others.

        Raises DropError at a time that is none.
        """
        if file.table in TIMES:
            self.see_events(file, rows)
        elif file.table == "movies":
            self.see_movies(rows)

    def see_events(self, file: LayoutFile, rows: pa.RecordBatch) -> None:
        times = self._event_times(file, rows)
        _note(self._movies, rows["movie_id"], times)
        if file.table == "ratings":
            _note(self._users, rows["user_id"], times)
        if len(times) and times.max() > self.newest.time:
            row = int(times.argmax())
            self.newest = Event(int(times[row]), file.name, rows["line"][row].as_py())

    def see_movies(self, rows: pa.RecordBatch) -> None:
        ids, is_id = _ids(rows["movie_id"])
        is_unseen = is_id & (self._movies.of(ids, default=-1) < 0)
        titles = rows["title"].filter(pa.array(is_unseen)).to_pylist()
        years = np.array([year(title) for title in titles], dtype=np.int64)
        self._unseen.append((ids[is_unseen], years))

    def place_unseen(self, initial_year: int) -> None:
        """Let a movie without an event be of the beginning if its title's year is before
        `initial_year`, else of the end.
        """
        for ids, years in self._unseen:
            self._movies.note(ids, np.where(years < initial_year, _BEFORE_ALL, self.newest.time))

    def times(self, file: LayoutFile, rows: pa.RecordBatch) -> np.ndarray:
        """Return when each row enters. One whose id is none enters first: it is ingest that sets it
        aside.
        """
        if file.table in TIMES:
            return self._event_times(file, rows)
        if file.table == "users":
            return self._first_times(self._users, rows["user_id"])
        return self._first_times(self._movies, rows["movie_id"])

    def _first_times(self, first: FirstTimes, texts: pa.Array) -> np.ndarray:
        ids, is_id = _ids(texts)
        return np.where(is_id, first.of(ids, default=self.newest.time), _BEFORE_ALL)

    def _event_times(self, file: LayoutFile, rows: pa.RecordBatch) -> np.ndarray:
        """Seconds since 1970. Raises DropError at the first that is none: a row without a time has
        no drop.
        """
        texts = rows[TIMES[file.table]]
        numbers, is_number = whole_numbers(texts, 10)
        times = numbers.to_numpy()
        is_none = ~is_number.to_numpy(zero_copy_only=False)
        bad = np.flatnonzero(is_none | (times < SINCE) | (times > UNTIL))
        if len(bad):
            row = int(bad[0])
            raise self.no_time(f"{file.name} line {rows['line'][row].as_py():,}", texts[row])
        return times

    def no_time(self, place: str, text: pa.Scalar) -> DropError:
        return DropError(
            f"{place}: found the time {text.as_py()[:80]!r}; expected whole seconds since 1970, "
            f"between 1990 and 2100 ({SINCE} to {UNTIL})",
            self._where,
        )


def _note(first: FirstTimes, texts: pa.Array, times: np.ndarray) -> None:
    ids, is_id = _ids(texts)
    first.note(ids[is_id], times[is_id])


def _ids(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The ids, and which of them are some."""
    ids, is_id = whole_numbers(texts, 18)
    return ids.to_numpy(), is_id.to_numpy(zero_copy_only=False)


def year(title: str) -> int:
    """The last year in parentheses, or one after all others where the title has none."""
    years = _YEAR.findall(title)
    return int(years[-1]) if years else _NO_YEAR
