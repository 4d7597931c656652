"""Which data the demo runs on: files of the user's own, else GroupLens' ml-latest-small, else a
generated world.
"""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from stack.errors import StackError
from stack.home import Home
from stack.private import write_private

URL = "https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"
EXPECTED = ("ratings.csv", "movies.csv", "links.csv", "tags.csv")
GENERATED = {"users": 600, "movies": 3_000, "ratings": 60_000, "seed": 20_261}

Tell = Callable[[str], None]


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


def choose_dataset(home: Home, movielens: Path | None, imdb: Path | None, tell: Tell) -> Dataset:
    """The data asked for, else that of the last demo in this folder, else what can be had.

    One database holds one population of users, so that another data set needs another state folder:
    raises StackError.
    """
    record = home.root / "dataset.json"
    last = read_record(record)
    if imdb and not movielens:
        raise StackError("IMDB is given without MOVIELENS: expected both, or MOVIELENS alone")
    if movielens is None:
        dataset = last or fetch_dataset(home, tell) or generate_dataset(home, tell)
    else:
        dataset = Dataset(
            _existing(movielens, "MOVIELENS"), _existing(imdb, "IMDB") if imdb else None
        )
    if last not in (None, dataset):
        raise StackError(
            f"{home.root} holds a demo on {last.movielens}; for {dataset.movielens} "
            "run `make clean` first"
        )
    return dataset


def remember_dataset(home: Home, dataset: Dataset) -> None:
    """What the drops of this folder were cut from; asked once they are there."""
    write_private(home.root / "dataset.json", json.dumps(dataset.to_json()))


def read_record(record: Path) -> Dataset | None:
    if not record.exists():
        return None
    kept = json.loads(record.read_text())
    imdb = kept["imdb"]
    return Dataset(Path(kept["movielens"]), Path(imdb) if imdb else None)


def _existing(path: Path, name: str) -> Path:
    if not path.exists():
        raise StackError(f"{name}={path}: there is no such folder or file")
    return path.resolve()


def fetch_dataset(home: Home, tell: Tell) -> Dataset | None:
    """GroupLens' zip, None (and print why) where it cannot be had."""
    target = home.root / "data" / "ml-latest-small.zip"
    target.parent.mkdir(exist_ok=True)
    tell(f"downloading {URL}")
    try:
        download(target)
    except (httpx.HTTPError, OSError, StackError) as error:
        tell(f"the download failed: {type(error).__name__}: {error}")
        return None
    return Dataset(target, None)


def download(target: Path) -> None:
    """Under its name only once it is whole and holds what it should."""
    unfinished = target.with_suffix(".unfinished")
    with (
        httpx.stream("GET", URL, timeout=10, follow_redirects=True) as answer,
        unfinished.open("wb") as file,
    ):
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            file.write(chunk)
    check_zip(unfinished)
    unfinished.replace(target)


def check_zip(path: Path) -> None:
    """Raises StackError where this is no MovieLens release with undamaged files."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).name for name in archive.namelist()}
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise StackError(f"what came is no zip: {error}") from error
    if missing := set(EXPECTED) - names:
        raise StackError(f"the zip lacks {sorted(missing)}; found {sorted(names)}")
    if damaged:
        raise StackError(f"the zip is damaged at {damaged}")


def generate_dataset(home: Home, tell: Tell) -> Dataset:
    """A made world in the same layout, with IMDb files."""
    folder = home.root / "data" / "generated"
    dataset = Dataset(folder / "movielens", folder / "imdb")
    sizes = ", ".join(f"{GENERATED[name]:,} {name}" for name in ("users", "movies", "ratings"))
    tell(f"going on with a generated data set of the same layout: {sizes}, nobody's real taste")
    generate_movielens(dataset.movielens, **GENERATED)
    generate_imdb(folder / "imdb", dataset.movielens, GENERATED["seed"])
    return dataset
