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
    """Return the scale's MovieLens release, in the published layout; made once. The one place that
    says where the data come from.
    """
    return _once(folder, "release", lambda path: generate_release(path, scale.release, SEED))


def zones_of(scale: Scale, folder: Path) -> Zones:
    """Return the release as drops: cut once."""
    root = _once(folder, "zones", lambda path: cut(release_of(scale, folder), path, scale.delta))
    days = [date.fromisoformat(path.name) for path in (root / "full/movielens").iterdir()]
    empty = [root / f"empty-{place}" for place in range(1, DELTAS + 1)]
    return Zones(root / "full", tuple(empty), tuple(sorted(days)))


def _once(folder: Path, name: str, write: Callable[[Path], object]) -> Path:
    """What is written under the name by the present code; what other code wrote goes."""
    path, unfinished = folder / f"{name}-{digest_of(DATA)[:8]}", folder / f"{name}.unfinished"
    if not path.is_dir():
        for old in folder.glob(f"{name}[-.]*"):
            shutil.rmtree(old)
        write(unfinished)
        unfinished.rename(path)
    return path


def cut(release: Path, root: Path, delta: int) -> None:
    """Cut a release into zones, with deltas of so many ratings."""
    ratings = _read(release / "ratings.csv")
    order = np.argsort(ratings["timestamp"].to_numpy(), kind="stable")
    newest = order[-delta * DELTAS :].reshape(DELTAS, delta)
    first = drop_dates(ratings["timestamp"][order[-1]].as_py(), 0)[0]
    base = _folder(root / "full", first)
    _write(without(ratings, newest), base / "ratings.csv")
    _link(release, base, *FILES)
    for place, rows in enumerate(newest, start=1):
        late = _folder(root / "full", first + timedelta(weeks=place))
        _write(ratings.take(pa.array(rows)), late / "ratings.csv")
        cut_empty(root / f"empty-{place}", first, base, late)
    complete(root)


def complete(root: Path) -> None:
    """Mark all drops of the zones as whole."""
    for drop in root.glob("*/movielens/*"):
        (drop / SUCCESS).touch()


def without(ratings: pa.Table, rows: np.ndarray) -> pa.Table:
    """Return the ratings but those at these places, in the file's order."""
    stays = np.ones(len(ratings), dtype=bool)
    stays[rows] = False
    return ratings.filter(pa.array(stays))


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
