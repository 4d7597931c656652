"""Which data the demo runs on: files of the user's own, a release by its name, else
ml-latest-small, else a mirror's ml-100k, else a generated world.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from stack.downloads import PINS, Notify, fetch, sources_of
from stack.errors import StackError
from stack.home import Home
from stack.private import write_private

GENERATED = {"users": 600, "movies": 3_000, "ratings": 60_000, "seed": 20_261}


@dataclass(frozen=True)
class Dataset:
    """`movielens` is a folder or a zip as published, `imdb` a folder of IMDb's TSVs."""

    movielens: Path
    imdb: Path | None

    def to_json(self) -> dict[str, str]:
        """Return it as read_record reads it."""
        return {"movielens": str(self.movielens), "imdb": str(self.imdb or "")}

    def __str__(self) -> str:
        """Say which."""
        return f"{self.movielens}{f' and {self.imdb}' if self.imdb else ', without IMDb'}"


def choose_dataset(
    home: Home, movielens: Path | None, imdb: Path | None, notify: Notify
) -> Dataset:
    """The data asked for, else that of the last demo in this folder, else what can be had.

    One database holds one population of users, so that another data set needs another state folder:
    raises StackError.
    """
    record = home.root / "dataset.json"
    last = read_record(record)
    if imdb and not movielens:
        raise StackError("IMDB is given without MOVIELENS: expected both, or MOVIELENS alone")
    if movielens is None:
        dataset = last or fetch_dataset(home, notify) or generate_dataset(home, notify)
    else:
        dataset = Dataset(place_of(home, movielens), existing(imdb, "IMDB") if imdb else None)
    if last not in (None, dataset):
        raise StackError(
            f"{home.root} holds a demo on {last.movielens}; for {dataset.movielens} "
            "run `make clean` first"
        )
    if is_release(movielens) and not dataset.movielens.exists():
        fetch(sources_of(str(movielens)), downloads(home), notify)
    return dataset


def is_release(movielens: Path | None) -> bool:
    """Return whether it names a release to download, and no file or folder that is there."""
    return str(movielens) in PINS and not Path(str(movielens)).exists()


def place_of(home: Home, movielens: Path) -> Path:
    """Return where a release is, or will be once it is downloaded."""
    if is_release(movielens):
        return downloads(home) / f"{movielens}.zip"
    return existing(movielens, "MOVIELENS", f"; expected a path, or one of {', '.join(PINS)}")


def remember_dataset(home: Home, dataset: Dataset) -> None:
    """What the drops of this folder were cut from; asked once they are there."""
    write_private(home.root / "dataset.json", json.dumps(dataset.to_json()))


def read_record(record: Path) -> Dataset | None:
    if not record.exists():
        return None
    kept = json.loads(record.read_text())
    imdb = kept["imdb"]
    return Dataset(Path(kept["movielens"]), Path(imdb) if imdb else None)


def existing(path: Path, name: str, expected: str = "") -> Path:
    """Return the whole path. Raises StackError, with what was expected, where nothing is."""
    if not path.exists():
        raise StackError(f"{name}={path}: there is no such folder or file{expected}")
    return path.resolve()


def fetch_dataset(home: Home, notify: Notify) -> Dataset | None:
    """GroupLens' ml-latest-small, else a mirror's release of that size, else None (and print why).

    No mirror has ml-latest-small, which changes in place.
    """
    sources = [*sources_of("ml-latest-small"), sources_of("ml-100k")[-1]]
    try:
        return Dataset(fetch(sources, downloads(home), notify), None)
    except StackError as error:
        notify(str(error))
        return None


def downloads(home: Home) -> Path:
    """Return the folder that releases are downloaded to."""
    folder = home.root / "data"
    folder.mkdir(exist_ok=True)
    return folder


def generate_dataset(home: Home, notify: Notify) -> Dataset:
    """A made world in the same layout, with IMDb files."""
    folder = home.root / "data" / "generated"
    dataset = Dataset(folder / "movielens", folder / "imdb")
    sizes = ", ".join(f"{GENERATED[name]:,} {name}" for name in ("users", "movies", "ratings"))
    notify(f"going on with a generated data set of the same layout: {sizes}, nobody's real taste")
    generate_movielens(dataset.movielens, **GENERATED)
    generate_imdb(folder / "imdb", dataset.movielens, GENERATED["seed"])
    return dataset
