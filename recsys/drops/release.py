"""A published MovieLens release: read as ingest reads it, and handed out to drops by time in its
own bytes.
"""

import logging
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from recsys.drops.members import Member
from recsys.drops.placing import NO_DROP, PlacedRows, Placing
from recsys.drops.records import Lines, read_lines
from recsys.drops.sightings import TIMES, Event, Sightings
from recsys.errors import DropError
from recsys.ingest.delimited import read_delimited
from recsys.ingest.layouts import Layout, LayoutFile, layout_of
from recsys.ingest.numbers import with_whole_numbers
from recsys.ingest.source import Reject

log = logging.getLogger(__name__)

#: Called after each part of a file: about how many bytes are read so far, how many there are to
#: read in all.
Progress = Callable[[int, int], None]

_BOM = b"\xef\xbb\xbf"


class Release:
    """Read twice: `scan` learns when everything began, `hand_out` gives each row to its drop.

    A row that ingest would set aside because it cannot be read (its columns, its bytes) is of no
    drop, and the log reports it.
    """

    def __init__(self, members: Mapping[str, Member], where: str, progress: Progress) -> None:
        self._layout = _layout(members, where)
        self.files = list(self._layout.present(members))
        self._members = members
        self._where = where
        self._sightings = Sightings(where)
        # file → lines of what is no row
        self._bad: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._meter = _Meter(2 * sum(map(self._size, self.files)), progress)

    @property
    def newest(self) -> Event:
        """Return the newest event that was scanned."""
        return self._sightings.newest

    def scan(self, max_bad_share: float) -> None:
        """Learn the newest event, and each movie's and user's first.

        Raises DropError where there is no rating, at a time that is none, and where more rows of a
        file cannot be read than ingest would let pass.
        """
        with_events_first = sorted(self.files, key=lambda file: file.table not in TIMES)
        n_rows = {file.table: self._scan(file, max_bad_share) for file in with_events_first}
        if not n_rows["ratings"]:
            name = self._layout.ratings
            raise DropError(f"{name} holds no rating; expected at least one", self._where)

    def _scan(self, file: LayoutFile, max_bad_share: float) -> int:
        """Take in a file's rows; return how many there are."""
        first_bad: Reject | None = None
        n_rows = 0
        for part in self._parts(file):
            if isinstance(part, Reject):
                first_bad = first_bad or part
                self._bad[file.name].append(part.line)
                continue
            n_rows += part.num_rows
            self._sightings.see(file, part)
        if first_bad:
            self._judge(first_bad, n_rows, max_bad_share)
        return n_rows

    def _judge(self, first: Reject, n_rows: int, max_bad_share: float) -> None:
        n_bad = len(self._bad[first.file])
        n_all = n_bad + n_rows
        fact = f"{n_bad:,} of {n_all:,} rows of {first.file} cannot be read"
        first_bad = f"the first is line {first.line:,}: {first.reason}"
        if n_bad > max_bad_share * n_all:
            raise DropError(f"{fact} (allowed {max_bad_share:.1%}); {first_bad}", self._where)
        log.warning("%s and are left out; %s", fact, first_bad)

    def place_unseen(self, initial_year: int) -> None:
        """Let a movie without an event be of the beginning if its title's year is before
        `initial_year`, else of the end.
        """
        self._sightings.place_unseen(initial_year)

    def hand_out(self, starts: np.ndarray, folders: Sequence[Path]) -> np.ndarray:
        """Append each row to its drop's file; return how many ratings each drop has.

        `starts[i]` (seconds since 1970) ends drop i and begins drop i + 1.
        """
        n_rows = {file.table: self._hand_out(file, starts, folders) for file in self.files}
        for name in self._layout.whole:
            if name in self._members:
                self.copy_whole(name, folders)
        return n_rows["ratings"]

    def _hand_out(
        self, file: LayoutFile, starts: np.ndarray, folders: Sequence[Path]
    ) -> np.ndarray:
        """Append a file's rows to the drops' files; return how many each drop has."""
        bad = np.array(sorted(self._bad[file.name]), dtype=np.int64)
        placing = Placing(self.placed(file, starts), bad, n_drops=len(folders))
        self.append_all(file, placing, [folder / file.name for folder in folders])
        return placing.n_rows

    def append_all(self, file: LayoutFile, placing: Placing, paths: Sequence[Path]) -> None:
        for path in paths:
            path.touch()
        number = 1
        with self._members[file.name].open() as stream:
            for lines in read_lines(stream):
                drops = placing.of(number, len(lines))
                if number == 1:
                    _begin(file, lines, drops, paths)
                    drops[0] = NO_DROP
                _append(lines, drops, paths)
                number += len(lines)

    def copy_whole(self, name: str, folders: Sequence[Path]) -> None:
        with self._members[name].open() as stream:
            content = stream.read()
        for folder in folders:
            (folder / name).write_bytes(content)

    def placed(self, file: LayoutFile, starts: np.ndarray) -> Iterator[PlacedRows]:
        for part in self._parts(file):
            if not isinstance(part, Reject):
                times = self._sightings.times(file, part)
                drops = np.searchsorted(starts, times, side="right")
                yield PlacedRows(part["line"].to_numpy(), drops)

    def _parts(self, file: LayoutFile) -> Iterator[pa.RecordBatch | Reject]:
        """The file's rows and what is none, reporting about how far it is."""
        self._meter.begin(self._size(file))
        with self.located():
            for part in read_delimited(self._members[file.name], file.spec):
                if isinstance(part, Reject):
                    yield part
                    continue
                self._meter.advance(part.nbytes)
                yield with_whole_numbers(part)
        self._meter.finish()

    @contextmanager
    def located(self) -> Iterator[None]:
        """Let a DropError say where the release is; a damaged member's does."""
        try:
            yield
        except DropError as error:
            if str(error) != error.reason:
                raise
            raise DropError(error.reason, self._where) from error

    def _size(self, file: LayoutFile) -> int:
        return self._members[file.name].size or 0


class _Meter:
    """About how many bytes are read: no more of a file than it has."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._end = 0

    def begin(self, size: int) -> None:
        """Begin a file of so many bytes."""
        self._end = self._done + size

    def advance(self, n_bytes: int) -> None:
        """Report that more of the file is read."""
        self._done = min(self._done + n_bytes, self._end)
        self._progress(self._done, self._total)

    def finish(self) -> None:
        """Report that the file is read."""
        self._done = self._end
        self._progress(self._done, self._total)


def _layout(members: Mapping[str, Member], where: str) -> Layout:
    try:
        return layout_of(members)
    except DropError as error:
        raise DropError(error.reason, where) from error


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
