"""A published MovieLens release: read as ingest reads it, and handed out to drops by time in its
own bytes.
"""

import logging
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from recsys.drops.members import Member
from recsys.drops.records import Lines, read_lines
from recsys.errors import DropError
from recsys.ingest.delimited import read_delimited
from recsys.ingest.layouts import LayoutFile, layout_of
from recsys.ingest.numbers import whole_numbers, with_whole_numbers
from recsys.ingest.ratings import SINCE, UNTIL
from recsys.ingest.source import Reject

log = logging.getLogger(__name__)

#: Called after each part of a file: about how many bytes are read so far, how many there are to
#: read in all.
Progress = Callable[[int, int], None]

#: The column that says when a row happened, of the tables that have one.
_TIMES = {"ratings": "rated_at", "tags": "tagged_at"}
_BEFORE_ALL = 0
_YEAR = re.compile(r"\(([0-9]{4})\)")
_NO_YEAR = 9999  # a title without a year may be of the future
_BOM = b"\xef\xbb\xbf"


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


class Release:
    """Read twice: `scan` learns when everything began, `hand_out` gives each row to its drop.

    A row that ingest would set aside because it cannot be read (its columns, its bytes) is of no
    drop, and the log tells of it.
    """

    def __init__(self, members: Mapping[str, Member], where: str, progress: Progress) -> None:
        try:
            layout = layout_of(members)
        except DropError as error:
            raise DropError(error.reason, where) from error
        self.files = list(layout.present(members))
        self._whole = layout.whole
        self.newest = Event(-1, "", 0)
        self._members = members
        self._where = where
        self._movies = FirstTimes()
        self._users = FirstTimes()
        # movies without an event: ids and years
        self._unseen: list[tuple[np.ndarray, np.ndarray]] = []
        # file → lines of what is no row
        self._bad: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._progress = progress
        self._done = 0
        self._total = 2 * sum(members[file.name].size or 0 for file in self.files)

    def scan(self, max_bad_share: float) -> None:
        """Learn the newest event, and each movie's and user's first.

        Raises DropError where there is no rating, at a time that is none, and where more rows of a
        file cannot be read than ingest would let pass.
        """
        n_ratings = 0
        for file in sorted(self.files, key=lambda file: file.table not in _TIMES):
            first_bad: Reject | None = None
            n_rows = 0
            for part in self._parts(file):
                if isinstance(part, Reject):
                    first_bad = first_bad or part
                    self._bad[file.name].append(part.line)
                    continue
                n_rows += part.num_rows
                self._note(file, part)
            if first_bad:
                self._judge(first_bad, n_rows, max_bad_share)
            n_ratings += n_rows if file.table == "ratings" else 0
        if not n_ratings:
            name = next(file.name for file in self.files if file.table == "ratings")
            raise DropError(f"{name} holds no rating; expected at least one", self._where)

    def place_unseen(self, initial_year: int) -> None:
        """Let a movie without an event be of the beginning if its title's year is before
        `initial_year`, else of the end.
        """
        for ids, years in self._unseen:
            self._movies.note(ids, np.where(years < initial_year, _BEFORE_ALL, self.newest.time))

    def hand_out(self, starts: np.ndarray, folders: Sequence[Path]) -> np.ndarray:
        """Append each row to its drop's file; return how many ratings each drop has.

        `starts[i]` (seconds since 1970) ends drop i and begins drop i + 1.
        """
        n_ratings = np.zeros(len(folders), dtype=np.int64)
        for file in self.files:
            bad = np.array(sorted(self._bad[file.name]), dtype=np.int64)
            places = _Places(self._places(file, starts), bad, n_drops=len(folders))
            self._hand_out_file(file, places, [folder / file.name for folder in folders])
            if file.table == "ratings":
                n_ratings = places.n_rows
        for name in self._whole:
            if name in self._members:
                with self._members[name].open() as stream:
                    content = stream.read()
                for folder in folders:
                    (folder / name).write_bytes(content)
        return n_ratings

    def _hand_out_file(self, file: LayoutFile, places: "_Places", paths: Sequence[Path]) -> None:
        for path in paths:
            path.touch()
        number = 1
        with self._members[file.name].open() as stream:
            for lines in read_lines(stream):
                drops = places.of(number, len(lines))
                if number == 1:
                    _begin(file, lines, drops, paths)
                    drops[0] = -1
                _append(lines, drops, paths)
                number += len(lines)

    def _parts(self, file: LayoutFile) -> Iterator[pa.RecordBatch | Reject]:
        """The file's rows and what is none, telling about how far it is."""
        before = self._done
        size = self._members[file.name].size or 0
        try:
            for part in read_delimited(self._members[file.name], file.spec):
                if isinstance(part, Reject):
                    yield part
                    continue
                self._done = min(self._done + part.nbytes, before + size)
                self._progress(self._done, self._total)
                yield with_whole_numbers(part)
        except DropError as error:
            if str(error) != error.reason:  # a damaged member says where it is
                raise
            raise DropError(error.reason, self._where) from error
        self._done = before + size
        self._progress(self._done, self._total)

    def _judge(self, first: Reject, n_rows: int, max_bad_share: float) -> None:
        n_bad = len(self._bad[first.file])
        n_all = n_bad + n_rows
        fact = f"{n_bad:,} of {n_all:,} rows of {first.file} cannot be read"
        first_bad = f"the first is line {first.line:,}: {first.reason}"
        if n_bad > max_bad_share * n_all:
            raise DropError(f"{fact} (allowed {max_bad_share:.1%}); {first_bad}", self._where)
        log.warning("%s and are left out; %s", fact, first_bad)

    def _note(self, file: LayoutFile, rows: pa.RecordBatch) -> None:
        if file.table in _TIMES:
            self._note_events(file, rows)
        elif file.table == "movies":
            ids, is_id = _ids(rows, "movie_id")
            is_unseen = is_id & (self._movies.of(ids, default=-1) < 0)
            years = np.array(
                [_year(title) for title in rows["title"].filter(pa.array(is_unseen)).to_pylist()],
                dtype=np.int64,
            )
            self._unseen.append((ids[is_unseen], years))

    def _note_events(self, file: LayoutFile, rows: pa.RecordBatch) -> None:
        times = self._event_times(file, rows)
        movies, is_movie = _ids(rows, "movie_id")
        self._movies.note(movies[is_movie], times[is_movie])
        if file.table == "ratings":
            users, is_user = _ids(rows, "user_id")
            self._users.note(users[is_user], times[is_user])
        if len(times) and times.max() > self.newest.time:
            row = int(times.argmax())
            self.newest = Event(int(times[row]), file.name, rows["line"][row].as_py())

    def _event_times(self, file: LayoutFile, rows: pa.RecordBatch) -> np.ndarray:
        """Seconds since 1970. Raises DropError at the first that is none: a row without a time has
        no drop.
        """
        texts = rows[_TIMES[file.table]]
        numbers, is_number = whole_numbers(texts, 10)
        times = numbers.to_numpy()
        bad = np.flatnonzero(
            ~is_number.to_numpy(zero_copy_only=False) | (times < SINCE) | (times > UNTIL)
        )
        if len(bad):
            row = int(bad[0])
            raise DropError(
                f"{file.name} line {rows['line'][row].as_py():,}: found the time "
                f"{texts[row].as_py()[:80]!r}; expected whole "
                f"seconds since 1970, between 1990 and 2100 ({SINCE} to {UNTIL})",
                self._where,
            )
        return times

    def _places(
        self, file: LayoutFile, starts: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The lines in which rows begin, and the drop of each."""
        for part in self._parts(file):
            if not isinstance(part, Reject):
                yield (
                    part["line"].to_numpy(),
                    np.searchsorted(starts, self._times(file, part), side="right"),
                )

    def _times(self, file: LayoutFile, rows: pa.RecordBatch) -> np.ndarray:
        """When each row enters. One whose id is none enters first: it is ingest that sets it
        aside.
        """
        if file.table in _TIMES:
            return self._event_times(file, rows)
        first = self._users if file.table == "users" else self._movies
        ids, is_id = _ids(rows, "user_id" if file.table == "users" else "movie_id")
        return np.where(is_id, first.of(ids, default=self.newest.time), _BEFORE_ALL)


class _Places:
    """The drop of each line of a file, -1 of lines of no drop. A line in which no row begins goes
    with the row before it.
    """

    def __init__(
        self, rows: Iterator[tuple[np.ndarray, np.ndarray]], bad: np.ndarray, *, n_drops: int
    ) -> None:
        self.n_rows = np.zeros(n_drops, dtype=np.int64)
        self._rows = rows
        self._bad = bad
        self._lines = np.empty(0, dtype=np.int64)
        self._drops = np.empty(0, dtype=np.int64)
        self._before = -1
        self._is_at_end = False

    def of(self, first: int, count: int) -> np.ndarray:
        """Return the drops of `count` lines, from line `first` on."""
        self._read_to(first + count - 1)
        end = np.searchsorted(self._lines, first + count)
        drops = np.full(count, -2)
        drops[self._lines[:end] - first] = self._drops[:end]
        drops[
            self._bad[np.searchsorted(self._bad, first) : np.searchsorted(self._bad, first + count)]
            - first
        ] = -1
        drops[0] = self._before if drops[0] == -2 else drops[0]
        drops = drops[np.maximum.accumulate(np.where(drops == -2, 0, np.arange(count)))]
        self._before = int(drops[-1])
        self._lines = self._lines[end:]
        self._drops = self._drops[end:]
        return drops

    def _read_to(self, line: int) -> None:
        while not self._is_at_end and not (len(self._lines) and self._lines[-1] >= line):
            part = next(self._rows, None)
            if part is None:
                self._is_at_end = True
                return
            lines, drops = part
            self._lines = np.concatenate([self._lines, lines])
            self._drops = np.concatenate([self._drops, drops])
            self.n_rows += np.bincount(drops, minlength=len(self.n_rows))


def _begin(file: LayoutFile, lines: Lines, drops: np.ndarray, paths: Sequence[Path]) -> None:
    """Write the first line: a header into every file, else a row into its drop's, without a byte
    order mark.
    """
    first = lines.pick(np.array([0]))
    for index, path in enumerate(paths):
        if not file.spec.layout:
            path.write_bytes(first)
        elif index == drops[0]:
            path.write_bytes(first.removeprefix(_BOM))


def _append(lines: Lines, drops: np.ndarray, paths: Sequence[Path]) -> None:
    for index in np.unique(drops[drops >= 0]):
        with paths[index].open("ab") as out:
            out.write(lines.pick(np.flatnonzero(drops == index)))


def _ids(rows: pa.RecordBatch, column: str) -> tuple[np.ndarray, np.ndarray]:
    """The ids, and which of them are some."""
    ids, is_id = whole_numbers(rows[column], 18)
    return ids.to_numpy(), is_id.to_numpy(zero_copy_only=False)


def _year(title: str) -> int:
    """The last year in parentheses, or one after all others where the title has none."""
    years = _YEAR.findall(title)
    return int(years[-1]) if years else _NO_YEAR
