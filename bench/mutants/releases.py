"""Small releases in every layout, made of one generated world: what the mutants are mutants of."""

import csv
import gzip
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens

# so that one bad row of a file is less than one in a hundred
USERS, MOVIES, RATINGS = 300, 400, 12_000
WORLD_SEED = 20_261

_GENRES = (
    "unknown|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir"
    "|Horror|Musical|Mystery|Romance|Sci-Fi|Thriller|War|Western"
)
#: Written out here too: what checks an ingest must not take its names from it.
GENRES_100K = _GENRES.split("|")


@dataclass(frozen=True)
class Release:
    """Files as published: name → bytes. `layout` is one of LAYOUTS."""

    layout: str
    files: dict[str, bytes]

    @property
    def source(self) -> str:
        """The folder in the landing zone."""
        return "imdb" if self.layout == "imdb" else "movielens"


Rows = list[Sequence[str]]
Tables = dict[str, Rows]
LAYOUTS = ("csv", "ml-1m", "ml-10m", "ml-100k", "imdb")
#: Layout → its file of ratings, and one that tells it from others.
PUBLISHED = {
    "csv": {"ratings.csv", "movies.csv"},
    "ml-1m": {"ratings.dat", "users.dat"},
    "ml-10m": {"ratings.dat", "movies.dat"},
    "ml-100k": {"u.data", "u.item"},
}


def generated_releases(folder: Path) -> dict[str, Release]:
    """Return all layouts, by name. IMDb's files are of the movies of the CSV release."""
    world = folder / "movielens"
    generate_movielens(world, users=USERS, movies=MOVIES, ratings=RATINGS, seed=WORLD_SEED)
    generate_imdb(folder / "imdb", world, WORLD_SEED)
    tables = read_tables(world)
    return {
        "csv": write_csv_layout(tables),
        "ml-1m": write_ml_1m(tables),
        "ml-10m": write_ml_10m(tables),
        "ml-100k": write_ml_100k(tables),
        "imdb": Release("imdb", unzip_each(folder / "imdb")),
    }


def release_in(folder: Path) -> Release:
    """Return the release as published in that folder.

    Raises ValueError where it has none of the layouts' files.
    """
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    for layout, names in PUBLISHED.items():
        if names <= set(files):
            return Release(layout, {name: files[name] for name in files if is_published(name)})
    raise ValueError(f"{folder} has no MovieLens release; found {', '.join(files) or 'no file'}")


def is_published(name: str) -> bool:
    return name.endswith((".csv", ".dat")) or name.startswith("u.")


def read_tables(world: Path) -> Tables:
    """Return a generated release's rows by table, each tag once."""
    names = ("movies", "links", "ratings", "tags")
    tables = {name: read_csv(world / f"{name}.csv") for name in names}
    tables["tags"] = list(dict.fromkeys(map(tuple, tables["tags"])))
    return tables


def read_csv(path: Path) -> Rows:
    """Return the rows without the header."""
    with path.open(newline="", encoding="utf-8") as file:
        next(file)
        return list(csv.reader(file))


def unzip_each(folder: Path) -> dict[str, bytes]:
    paths = sorted(folder.iterdir())
    return {path.stem: gzip.decompress(path.read_bytes()) for path in paths}


def titled(movies: Rows, beyond_latin: str) -> Rows:
    """Return the movies with accents, quotes and letters beyond latin-1 in some titles, as real
    ones have them.
    """
    return [
        (movie, embellish(title, place, beyond_latin), genres)
        for place, (movie, title, genres) in enumerate(movies)
    ]


def embellish(title: str, place: int, beyond_latin: str) -> str:
    if place % 7 == 0:
        title = title.replace("e", "é", 1)
    if place % 11 == 0:
        first, _, rest = title.partition(" ")
        title = f'"{first}" {rest}'
    if place % 17 == 0:
        title = title.replace("o", beyond_latin, 1)
    return title


def tagged(tags: Rows) -> Rows:
    """Return the tags, some with quotes, accents and a letter beyond latin-1."""
    return [
        (user, movie, tag if place % 9 else f'"{tag}", café ⅓', time)
        for place, (user, movie, tag, time) in enumerate(tags)
    ]


def write_csv_layout(tables: Tables) -> Release:
    files = {
        "movies.csv": csv_bytes("movieId,title,genres", titled(tables["movies"], "ō")),
        "links.csv": csv_bytes("movieId,imdbId,tmdbId", tables["links"]),
        "ratings.csv": csv_bytes("userId,movieId,rating,timestamp", tables["ratings"]),
        "tags.csv": csv_bytes("userId,movieId,tag,timestamp", tagged(tables["tags"])),
    }
    return Release("csv", files)


def csv_bytes(header: str, rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    text.write(f"{header}\r\n")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def lines_of(rows: Rows, delimiter: str, encoding: str) -> bytes:
    return "".join(f"{delimiter.join(row)}\n" for row in rows).encode(encoding)


def write_ml_1m(tables: Tables) -> Release:
    rows = {
        "movies.dat": titled(tables["movies"], "ø"),
        "users.dat": users_of(tables["ratings"]),
        "ratings.dat": in_whole_stars(tables["ratings"]),
    }
    return Release("ml-1m", {name: lines_of(rows[name], "::", "latin-1") for name in rows})


def write_ml_10m(tables: Tables) -> Release:
    rows = {
        "movies.dat": titled(tables["movies"], "ō"),
        "ratings.dat": without_zeros(tables["ratings"]),
        "tags.dat": tagged(tables["tags"]),
    }
    return Release("ml-10m", {name: lines_of(rows[name], "::", "utf-8") for name in rows})


def write_ml_100k(tables: Tables) -> Release:
    genres: Rows = [(genre, str(place)) for place, genre in enumerate(GENRES_100K)]
    files = {
        "u.item": lines_of(items_of(tables["movies"]), "|", "latin-1"),
        "u.user": lines_of(age_first(users_of(tables["ratings"])), "|", "latin-1"),
        "u.data": lines_of(in_whole_stars(tables["ratings"]), "\t", "latin-1"),
        "u.genre": lines_of(genres, "|", "latin-1"),
    }
    return Release("ml-100k", files)


def in_whole_stars(ratings: Rows) -> Rows:
    return [
        (user, movie, str(max(1, int(float(rating)))), time)
        for user, movie, rating, time in ratings
    ]


def without_zeros(ratings: Rows) -> Rows:
    """Return the ratings with 4 for 4.0, as ml-10m has them."""
    return [(user, movie, stars.removesuffix(".0"), time) for user, movie, stars, time in ratings]


def users_of(ratings: Rows) -> Rows:
    """Return userId, gender, age, occupation, zip code."""
    dice = random.Random(WORLD_SEED)
    ids = sorted({int(row[0]) for row in ratings})
    return [user_line(user, dice) for user in ids]


def user_line(user: int, dice: random.Random) -> Sequence[str]:
    age = dice.choice(["1", "18", "25", "56"])
    gender = dice.choice("FM")
    occupation = str(dice.randrange(21))
    return str(user), gender, age, occupation, f"{dice.randrange(10**5):05d}"


def age_first(users: Rows) -> Rows:
    return [(user, age, gender, *others) for user, gender, age, *others in users]


def items_of(movies: Rows) -> Rows:
    """Return the movies as ml-100k has them, a column a genre."""
    return [
        (movie, title, "01-Jan-1995", "", f"http://us.imdb.com/{movie}", *flags_of(genres))
        for movie, title, genres in titled(movies, "ø")
    ]


def flags_of(genres: str) -> list[str]:
    names = genres.replace("Children", "Children's").split("|")
    return ["1" if genre in names else "0" for genre in GENRES_100K]
