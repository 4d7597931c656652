"""Cut a published MovieLens data set by time, so that it becomes a history to run and to
backfill.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from fsspec.implementations.local import LocalFileSystem
from pydantic import SecretStr

from recsys.drops.checksums import format_sums, parse_sums, sha256
from recsys.drops.members import find_members, is_hidden
from recsys.drops.release import Progress, Release
from recsys.drops.zone import AHEAD, SUCCESS, SUMS, Drop, LandingZone, is_ahead
from recsys.errors import DropError
from recsys.ingest.imdb import Imdb
from recsys.ingest.movielens import MovieLens
from recsys.settings import Settings

log = logging.getLogger(__name__)

_WEEK = timedelta(days=7)


def silent(done: int, total: int) -> None:
    """Report nothing."""


def replay(
    source: Path,
    zone_uri: str,
    *,
    weeks: int,
    imdb: Path | None = None,
    progress: Progress = silent,
) -> list[date]:
    """Cut `source` (a folder or zip as published) into an initial drop and `weeks` weekly ones;
    return their dates, oldest first.

    Dates are Mondays, the last the first Monday after the newest event. The drop dated D holds the
    events in [D - 7 days, D), the initial one all before its date. A movie and its link enter with
    the movie's first rating or tag, a user row with the user's first rating. A movie that nobody
    rated or tagged enters with the initial drop if its title's year is before that drop's year,
    else with the last drop; a user who rated nothing enters with the last drop. Every drop has
    every file of the layout that the release has, its lines as published; what is not of the layout
    (README, genome scores, ready-made splits) stays out.

    It is read as ingest reads it. Rows that cannot be read are left out, and the log tells how
    many; more than RECSYS_MAX_BAD_SHARE of a file raise DropError. So does a rating or tag whose
    time is not in whole seconds between 1990 and 2100, or lies in the future unless
    RECSYS_ALLOW_FUTURE is set. Then no drop is put.

    The files of `imdb` (a folder or a zip) are put at every date. A complete drop that is there
    with the same content is left alone; one with other content raises DropError before anything is
    put.
    """
    release = scanned(source, progress)
    dates = drop_dates(release.newest.time, weeks)
    release.place_unseen(dates[0].year)
    zone = LandingZone(zone_uri)
    with staging(zone) as folder:
        n_ratings = release.hand_out(_ends(dates), _make_folders(folder / MovieLens.name, dates))
        if imdb is not None:
            stage_same(imdb, _make_folders(folder / Imdb.name, dates))
        install_all(zone, sorted(folder.glob("*/*")))
    warn_of_empty_drops(release, dates, n_ratings)
    return dates


def scanned(source: Path, progress: Progress) -> Release:
    """The release, once it is sure that it can be cut."""
    settings = Settings(database_url=SecretStr(""))  # for its bounds: no database is needed
    members = find_members(LocalFileSystem(), _stored(source), str(source))
    release = Release(members, str(source), progress)
    release.scan(settings.max_bad_share)
    if not settings.allow_future:
        refuse_future(release, str(source))
    return release


def _ends(dates: Sequence[date]) -> np.ndarray:
    """When each drop but the last ends, in seconds since 1970."""
    return np.array([seconds_of(day) for day in dates[:-1]], dtype=np.int64)


def refuse_future(release: Release, where: str) -> None:
    """Raise DropError where the newest event lies ahead: all drops are counted back from it, and no
    week would take them in.
    """
    today = datetime.now(UTC).date()
    if is_ahead(datetime.fromtimestamp(release.newest.time, UTC).date(), today):
        raise DropError(
            f"{release.newest}, which is more than {AHEAD.days} days after today ({today}); "
            "expected a time of the past, or "
            "RECSYS_ALLOW_FUTURE=true where data are generated",
            where,
        )


def warn_of_empty_drops(release: Release, dates: Sequence[date], n_ratings: np.ndarray) -> None:
    """One wrong time, or a long pause, moves all weeks behind the ratings."""
    empty = [str(day) for day, count in zip(dates, n_ratings, strict=True) if not count]
    if empty:
        log.warning(
            "%d of %d drops hold no rating (%s): dates are counted back from the newest event, and "
            "%s",
            len(empty),
            len(dates),
            ", ".join(empty),
            release.newest,
        )


def drop_dates(newest: int, weeks: int) -> list[date]:
    """`weeks` + 1 Mondays in a row, the last the first one after the event at `newest` (epoch
    seconds).
    """
    day = datetime.fromtimestamp(newest, UTC).date()
    last = day + timedelta(days=7 - day.weekday())
    return [last - _WEEK * back for back in range(weeks, -1, -1)]


def seconds_of(day: date) -> int:
    """Return a day's midnight, UTC, in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _stored(source: Path) -> list[tuple[str, str]]:
    """The files of a folder, or the one file, as (name, path). Raises DropError where there is
    nothing.
    """
    if source.is_file():
        return [(source.name, str(source))]
    paths = sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and not is_hidden(str(path.relative_to(source)))
    )
    if not paths:
        raise DropError("found no file; expected a folder or a zip as published", source)
    return [(str(path.relative_to(source)), str(path)) for path in paths]


@contextmanager
def staging(zone: LandingZone) -> Iterator[Path]:
    """A hidden folder to build in; a local zone's own, so that a finished drop is renamed into
    place.
    """
    parent = None
    if isinstance(zone.fs, LocalFileSystem):
        parent = zone.path("")
        Path(parent).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".replay-", dir=parent) as folder:
        yield Path(folder)


def _make_folders(parent: Path, dates: Sequence[date]) -> list[Path]:
    folders = [parent / str(day) for day in dates]
    for folder in folders:
        folder.mkdir(parents=True)
    return folders


def stage_same(source: Path, folders: Sequence[Path]) -> None:
    """The same files into every folder: copied once, then linked, so that a later write to `source`
    changes no drop.
    """
    for name, path in _stored(source):
        first = folders[0] / Path(name).name
        shutil.copyfile(path, first)
        for folder in folders[1:]:
            os.link(first, folder / first.name)


def install_all(zone: LandingZone, folders: Sequence[Path]) -> None:
    """Move staged folders into the landing zone."""
    digests: dict[int, str] = {}
    for folder in folders:
        (folder / SUMS).write_text(
            format_sums({path.name: _digest(path, digests) for path in sorted(folder.iterdir())})
        )
    for folder in [folder for folder in folders if not _is_there(zone, folder)]:
        install(zone, folder)


def _digest(path: Path, by_inode: dict[int, str]) -> str:
    """SHA-256 of a staged file, computed once for all links to it."""
    inode = path.stat().st_ino
    if inode not in by_inode:
        with path.open("rb") as stream:
            by_inode[inode] = sha256(stream)
    return by_inode[inode]


def _is_there(zone: LandingZone, folder: Path) -> bool:
    """Whether the zone has this drop with this content. Raises DropError where it has other
    content, or part of a drop.
    """
    drop = zone.at(folder.parent.name, date.fromisoformat(folder.name))
    if not zone.is_complete(drop.source, drop.date):
        if zone.files(drop):
            raise DropError(
                f"files are there, but no {SUCCESS}; expected a complete drop, or "
                "none. Remove what is there",
                drop,
            )
        return False
    if _content(zone, drop) != staged_content(folder):
        raise DropError(
            "complete, with other content than this replay's; expected the same, or "
            "none. Use another zone",
            drop,
        )
    return True


def _content(zone: LandingZone, drop: Drop) -> dict[str, tuple[int, str]]:
    """Name → (size, digest). Digests that the drop came with are believed: `drops check` is what
    reads all bytes again.
    """
    sums = zone.listed(drop)
    sums = zone.checksums(drop) if sums is None else sums
    return {file.name: (file.size, sums.get(file.name, "")) for file in zone.files(drop)}


def staged_content(folder: Path) -> dict[str, tuple[int, str]]:
    """Return size and checksum of each staged file by name."""
    sums = parse_sums((folder / SUMS).read_text())
    return {name: ((folder / name).stat().st_size, digest) for name, digest in sums.items()}


def install(zone: LandingZone, folder: Path) -> None:
    """Put a staged drop in its place, so that it is complete only once all of it is there."""
    target = zone.path(folder.parent.name, folder.name)
    if isinstance(zone.fs, LocalFileSystem):
        (folder / SUCCESS).touch()
        Path(target).parent.mkdir(exist_ok=True)
        folder.rename(target)
        return
    for path in sorted(folder.iterdir()):
        zone.fs.put_file(str(path), f"{target}/{path.name}")
    zone.fs.pipe_file(f"{target}/{SUCCESS}", b"")
