"""A published MovieLens release, read as bytes and handed out to drops by time."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from recsys.drops.layouts import File, Layout
from recsys.drops.members import Member
from recsys.drops.records import Records, read_records
from recsys.errors import DropError

#: Told after each chunk: bytes read so far, bytes to read in all.
Progress = Callable[[int, int], None]

_YEAR = re.compile(rb"\((\d{4})\)")
_BEFORE_ALL = 0


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
        """The first time of each id, `default` where it was never seen."""
        if not len(self.ids):
            return np.full(len(ids), default)
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, self.times[place], default)


class Release:
    """Read twice: `scan` learns when everything began, `hand_out` gives each record to its drop."""

    def __init__(self, members: Mapping[str, Member], layout: Layout, progress: Progress) -> None:
        self.members = members
        self.layout = layout
        self.files = [file for file in layout.files if file.name in members]
        self.movies = FirstTimes()
        self.users = FirstTimes()
        self.newest = -1
        self._progress = progress
        self._done = 0
        passes = {"ratings": 2, "tags": 2, "movies": 2, "links": 1, "users": 1, "whole": 0}
        self._total = sum(passes[file.role] * (members[file.name].size or 0) for file in self.files)

    def scan(self) -> None:
        """Learn the newest event, and each movie's and user's first. Raises DropError where there is no rating."""
        for file in self._with_role("ratings", "tags"):
            for records in self._records(file):
                user, movie, when = self._events(file, records)
                self.movies.note(movie, when)
                if file.role == "ratings":
                    self.users.note(user, when)
                self.newest = max(self.newest, int(when.max(initial=-1)))
        if not len(self.users.ids):
            name = self.layout.ratings
            raise DropError(f"{self.members[name].where}: {name} holds no rating; expected at least one")

    def place_unseen(self, initial_year: int) -> None:
        """A movie without an event is of the beginning if its title's year is before `initial_year`, else of the end."""
        for file in self._with_role("movies"):
            for records in self._records(file):
                (ids,) = self._fields(file, records, 1)
                unseen = np.flatnonzero(self.movies.of(ids, default=-1) < 0)
                old = [_year(records.pick(np.array([index]))) < initial_year for index in unseen]
                self.movies.note(ids[unseen], np.where(np.array(old, dtype=bool), _BEFORE_ALL, self.newest))

    def hand_out(self, starts: np.ndarray, folders: Sequence[Path]) -> None:
        """Append each record to its drop's file. `starts[i]` (epoch seconds) ends drop i and begins drop i + 1."""
        for file in self.files:
            paths = [folder / file.name for folder in folders]
            head = self._head(file)
            for path in paths:
                path.write_bytes(head)
            for records in self._records(file) if file.role != "whole" else ():
                _append(records, np.searchsorted(starts, self._times(file, records), side="right"), paths)

    def _with_role(self, *roles: str) -> Iterator[File]:
        return (file for file in self.files if file.role in roles)

    def _times(self, file: File, records: Records) -> np.ndarray:
        """When each record enters."""
        if file.role in ("ratings", "tags"):
            return self._events(file, records)[2]
        (ids,) = self._fields(file, records, 1)
        return (self.users if file.role == "users" else self.movies).of(ids, default=self.newest)

    def _events(self, file: File, records: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        user, movie = self._fields(file, records, 2)
        when = records.last_integer()
        self._require(file, records, when, "its time (whole seconds) as the last field")
        return user, movie, when

    def _fields(self, file: File, records: Records, count: int) -> list[np.ndarray]:
        fields = records.first_integers(count, self.layout.separator)
        for field in fields:
            self._require(file, records, field, "ids (whole numbers) in front")
        return fields

    def _require(self, file: File, records: Records, values: np.ndarray, expected: str) -> None:
        bad = np.flatnonzero(values < 0)
        if len(bad):
            line = records.pick(bad[:1])[:80]
            raise DropError(f"{self.members[file.name].where}: {file.name}: a record is {line!r}; expected {expected}")

    def _head(self, file: File) -> bytes:
        """What every drop's file begins with: the header line, or all of a file that is not cut."""
        with self.members[file.name].open() as stream:
            if file.role == "whole":
                return stream.read()
            head = stream.readline() if file.header else b""
        if not head.startswith(file.header):
            raise DropError(f"{self.members[file.name].where}: {file.name} begins with {head[:80]!r}; expected {file.header!r}")
        return head

    def _records(self, file: File) -> Iterator[Records]:
        """The file's records without its header, telling the progress."""
        with self.members[file.name].open() as stream:
            if file.header:
                stream.readline()
            for records in read_records(stream, quoted=self.layout.quoted):
                yield records
                self._done += len(records.data)
                self._progress(self._done, self._total)


def _append(records: Records, drops: np.ndarray, paths: Sequence[Path]) -> None:
    for index in np.unique(drops):
        with paths[index].open("ab") as out:
            out.write(records.pick(np.flatnonzero(drops == index)))


def _year(record: bytes) -> int:
    """The last year in parentheses, or one after all others where the title has none."""
    years = _YEAR.findall(record)
    return int(years[-1]) if years else 9999
