"""Small releases in every layout, made of one generated world: what the mutants are mutants of."""

import csv
import gzip
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens

# so that one bad row of a file is less than one in a hundred
USERS, MOVIES, RATINGS = 300, 400, 12_000
WORLD_SEED = 20_261

GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


@dataclass(frozen=True)
class Release:
    """Files as published: name → bytes. `layout` is one of LAYOUTS."""

    layout: str
    files: dict[str, bytes]

    @property
    def source(self) -> str:
        """The folder in the landing zone."""
        return "imdb" if self.layout == "imdb" else "movielens"


Tables = dict[str, list[Sequence[str]]]
LAYOUTS = ("csv", "ml-1m", "ml-10m", "ml-100k", "imdb")


def generated_releases(folder: Path) -> dict[str, Release]:
    """All layouts, by name. IMDb's files are of the movies of the CSV release."""
    world = folder / "movielens"
    generate_movielens(world, users=USERS, movies=MOVIES, ratings=RATINGS, seed=WORLD_SEED)
    generate_imdb(folder / "imdb", world, WORLD_SEED)
    tables: Tables = {
        name: read_csv(world / f"{name}.csv") for name in ("movies", "links", "ratings", "tags")
    }
    tables["tags"] = list(dict.fromkeys(map(tuple, tables["tags"])))
    imdb = {
        path.stem: gzip.decompress(path.read_bytes())
        for path in sorted((folder / "imdb").iterdir())
    }
    return {
        "csv": write_csv_layout(tables),
        "ml-1m": write_ml_1m(tables),
        "ml-10m": write_ml_10m(tables),
        "ml-100k": write_ml_100k(tables),
        "imdb": Release("imdb", imdb),
    }


def release_in(folder: Path) -> Release:
    """The release as published in that folder. Raises ValueError where it has none of the layouts'
    files.
    """
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    for layout, ratings, beside in (
        ("csv", "ratings.csv", "movies.csv"),
        ("ml-1m", "ratings.dat", "users.dat"),
        ("ml-10m", "ratings.dat", "movies.dat"),
        ("ml-100k", "u.data", "u.item"),
    ):
        if {ratings, beside} <= set(files):
            named = {
                name: data
                for name, data in files.items()
                if name.endswith((".csv", ".dat")) or name.startswith("u.")
            }
            return Release(layout, named)
    raise ValueError(f"{folder} has no MovieLens release; found {', '.join(files) or 'no file'}")


def read_csv(path: Path) -> list[Sequence[str]]:
    """The rows without the header."""
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[Sequence[str]] = [*csv.reader(file)]
    return rows[1:]


def _title(title: str, place: int, beyond_latin: str) -> str:
    """With accents, quotes and letters beyond latin-1 in some, as real titles have them."""
    if place % 7 == 0:
        title = title.replace("e", "é", 1)
    if place % 11 == 0:
        first, _, rest = title.partition(" ")
        title = f'"{first}" {rest}'
    if place % 17 == 0:
        title = title.replace("o", beyond_latin, 1)
    return title


def _tag(tag: str, place: int, beyond_latin: str) -> str:
    if place % 9 == 0:
        return f'"{tag}", café {beyond_latin}'
    return tag


def write_csv_layout(tables: Tables) -> Release:
    movies = [
        (movie, _title(title, place, "ō"), genres)
        for place, (movie, title, genres) in enumerate(tables["movies"])
    ]
    tags = [
        (user, movie, _tag(tag, place, "⅓"), time)
        for place, (user, movie, tag, time) in enumerate(tables["tags"])
    ]
    files = {
        "movies.csv": _csv_bytes("movieId,title,genres", movies),
        "links.csv": _csv_bytes("movieId,imdbId,tmdbId", tables["links"]),
        "ratings.csv": _csv_bytes("userId,movieId,rating,timestamp", tables["ratings"]),
        "tags.csv": _csv_bytes("userId,movieId,tag,timestamp", tags),
    }
    return Release("csv", files)


def _csv_bytes(header: str, rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    text.write(header + "\r\n")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _lines(rows: Iterable[Sequence[str]], delimiter: str, encoding: str) -> bytes:
    return "".join(delimiter.join(row) + "\n" for row in rows).encode(encoding)


def _whole_stars(rating: str) -> str:
    return str(max(1, int(float(rating))))


def _users(tables: Tables) -> list[tuple[str, str, str, str, str]]:
    """userId, gender, age, occupation, zip code."""
    dice = random.Random(WORLD_SEED)
    ids = sorted({int(row[0]) for row in tables["ratings"]})
    return [user_line(user, dice) for user in ids]


def user_line(user: int, dice: random.Random) -> tuple[str, str, str, str, str]:
    age = dice.choice(["1", "18", "25", "56"])
    return (
        str(user),
        dice.choice("FM"),
        age,
        str(dice.randrange(21)),
        (f"{dice.randrange(10**5):05d}"),
    )


def write_ml_1m(tables: Tables) -> Release:
    movies = [
        (movie, _title(title, place, "ø"), genres)
        for place, (movie, title, genres) in enumerate(tables["movies"])
    ]
    ratings = [
        (user, movie, _whole_stars(rating), time) for user, movie, rating, time in tables["ratings"]
    ]
    files = {
        "movies.dat": _lines(movies, "::", "latin-1"),
        "users.dat": _lines(_users(tables), "::", "latin-1"),
        "ratings.dat": _lines(ratings, "::", "latin-1"),
    }
    return Release("ml-1m", files)


def write_ml_10m(tables: Tables) -> Release:
    movies = [
        (movie, _title(title, place, "ō"), genres)
        for place, (movie, title, genres) in enumerate(tables["movies"])
    ]
    ratings = [
        (user, movie, rating.removesuffix(".0"), time)
        for user, movie, rating, time in tables["ratings"]
    ]
    tags = [
        (user, movie, _tag(tag, place, "⅓"), time)
        for place, (user, movie, tag, time) in enumerate(tables["tags"])
    ]
    files = {
        "movies.dat": _lines(movies, "::", "utf-8"),
        "ratings.dat": _lines(ratings, "::", "utf-8"),
        "tags.dat": _lines(tags, "::", "utf-8"),
    }
    return Release("ml-10m", files)


def write_ml_100k(tables: Tables) -> Release:
    movies = [item_line(row, place) for place, row in enumerate(tables["movies"])]
    ratings = [
        (user, movie, _whole_stars(rating), time) for user, movie, rating, time in tables["ratings"]
    ]
    users = [
        (user, age, gender, occupation, code)
        for user, gender, age, occupation, code in _users(tables)
    ]
    files = {
        "u.item": _lines(movies, "|", "latin-1"),
        "u.user": _lines(users, "|", "latin-1"),
        "u.data": _lines(ratings, "\t", "latin-1"),
        "u.genre": _lines(
            ((genre, str(place)) for place, genre in enumerate(GENRES_100K)), "|", "latin-1"
        ),
    }
    return Release("ml-100k", files)


def item_line(row: Sequence[str], place: int) -> tuple[str, ...]:
    movie, title, genres = row
    named = genres.replace("Children", "Children's").split("|")
    flags = ["1" if genre in named else "0" for genre in GENRES_100K]
    return (
        movie,
        _title(title, place, "ø"),
        ("01-Jan-1995"),
        "",
        f"http://us.imdb.com/{movie}",
        *flags,
    )
