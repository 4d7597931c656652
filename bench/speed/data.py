"""Where the measured data come from, and how they are cut into drops."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from bench.harness.sources import digest_of
from bench.speed.scale import DELTAS, Scale
from bench.speed.sources import DATA
from recsys.drops.replay import drop_dates
from recsys.drops.zone import SUCCESS
from stack.datasets.release import generate_release

SEED = 20_261
FILES = ("movies.csv", "links.csv", "tags.csv")


@dataclass(frozen=True)
class Zones:
    """Landing zones over one release. `full` has all but its newest ratings at the first of
    `dates`, and a delta of these at each later one; `empty` are zones without any rating at the
    first date, each with one of the same deltas at its date.
    """

    full: Path
    empty: tuple[Path, ...]
    dates: tuple[date, ...]


def release_of(scale: Scale, folder: Path) -> Path:
    """The scale's MovieLens release, in the published layout; made once. The one place that says
    where the data come from.
    """

    def write(unfinished: Path) -> None:
        generate_release(unfinished, scale.release, SEED)

    return _once(folder, "release", write)


def zones_of(scale: Scale, folder: Path) -> Zones:
    """The release as drops: cut once."""
    root = _once(
        folder, "zones", lambda unfinished: cut(release_of(scale, folder), unfinished, scale.delta)
    )
    dates = sorted(date.fromisoformat(path.name) for path in (root / "full/movielens").iterdir())
    return Zones(
        root / "full",
        tuple(root / f"empty-{place}" for place in range(1, DELTAS + 1)),
        tuple(dates),
    )


def _once(folder: Path, name: str, write: Callable[[Path], None]) -> Path:
    """What is written under the name by the present code; what other code wrote goes."""
    path, unfinished = folder / f"{name}-{digest_of(DATA)[:8]}", folder / f"{name}.unfinished"
    if not path.is_dir():
        for old in folder.glob(f"{name}[-.]*"):
            shutil.rmtree(old)
        write(unfinished)
        unfinished.rename(path)
    return path


def cut(release: Path, root: Path, delta: int) -> None:
    ratings = _read(release / "ratings.csv")
    times = ratings["timestamp"].to_numpy()
    order = np.argsort(times, kind="stable")
    first = drop_dates(int(times[order[-1]]), 0)[0]
    base = _folder(root / "full", first)
    is_late = np.zeros(len(order), dtype=bool)
    is_late[order[-delta * DELTAS :]] = True
    _write(ratings.filter(pa.array(~is_late)), base / "ratings.csv")
    _link(release, base, *FILES)
    newest = order[-delta * DELTAS :].reshape(DELTAS, delta)
    for place, rows in enumerate(newest, start=1):
        late = _folder(root / "full", first + timedelta(weeks=place))
        _write(ratings.take(pa.array(rows)), late / "ratings.csv")
        cut_empty(root / f"empty-{place}", first, base, late)
    for complete in root.glob("*/movielens/*"):
        (complete / SUCCESS).touch()


def cut_empty(zone: Path, first: date, base: Path, late: Path) -> None:
    """The movies without a rating, then the delta."""
    nothing = _folder(zone, first)
    _link(base, nothing, "movies.csv", "links.csv")
    (nothing / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    os.utime(nothing / "ratings.csv", (0, 0))  # the same drop in every such zone
    _link(late, _folder(zone, date.fromisoformat(late.name)), "ratings.csv")


def _folder(zone: Path, day: date) -> Path:
    folder = zone / "movielens" / str(day)
    folder.mkdir(parents=True)
    return folder


def _link(source: Path, target: Path, *names: str) -> None:
    for name in names:
        os.link(source / name, target / name)


def _read(path: Path) -> pa.Table:
    """Ratings stay text, as published."""
    return pacsv.read_csv(
        path, convert_options=pacsv.ConvertOptions(column_types={"rating": pa.string()})
    )


def _write(ratings: pa.Table, path: Path) -> None:
    pacsv.write_csv(ratings, path, pacsv.WriteOptions(quoting_style="none"))
