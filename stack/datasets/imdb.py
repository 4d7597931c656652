"""IMDb's five files for a made movie world, in the layout of IMDb's non-commercial data sets."""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv

from stack.datasets.world import GENRE_NAMES

FIRST_NAMES = """
    Anna Boris Carla David Elena Felix Greta Hugo Irene Jonas Karin Luca Maria Nils Olga Paul Rita
    Sven Tara Viktor
""".split()  # noqa: SIM905 - read as text, not as a list of quotes
LAST_NAMES = """
    Adler Brandt Conti Duval Engel Fischer Garcia Holm Ivanov Jansen Keller Lindt Moreau Novak Ortiz
    Petrov Rossi Silva
""".split()  # noqa: SIM905
FIRST_ACTOR = 5_000_000
NONE = r"\N"


@dataclass(frozen=True)
class Title:
    """A movie as the MovieLens files have it."""

    tt: str
    name: str
    year: str
    genres: tuple[str, ...]
    score: float
    votes: int

    @property
    def number(self) -> int:
        """Return the number in the tconst."""
        return int(self.tt[2:])

    @property
    def genre_text(self) -> str:
        """Return at most three genres, as IMDb has them."""
        return ",".join(self.genres[:3]) or NONE

    @property
    def main_genre(self) -> int:
        """Return the first genre's place in GENRE_NAMES, 0 without one."""
        return next((GENRE_NAMES.index(genre) for genre in self.genres if genre in GENRE_NAMES), 0)


@dataclass(frozen=True)
class Film:
    """A title, and who made it, as numbers of persons."""

    title: Title
    directors: list[int]
    actors: list[int]

    @property
    def crew_row(self) -> tuple[str, str, str]:
        """Return the row of title.crew."""
        return self.title.tt, ",".join(map(nconst_of, self.directors)), NONE

    @property
    def principals(self) -> Iterator[tuple[object, ...]]:
        """Yield the rows of title.principals: the actors, then the directors."""
        people = [(person, "actor") for person in self.actors]
        people += [(person, "director") for person in self.directors]
        for place, (person, category) in enumerate(people, start=1):
            yield self.title.tt, place, nconst_of(person), category, NONE, NONE


@dataclass(frozen=True)
class RatingSums:
    """Each movie id's sum of ratings, and their number."""

    sums: np.ndarray
    counts: np.ndarray

    def plus(self, movie: np.ndarray, rating: np.ndarray) -> "RatingSums":
        """Return them with some more ratings."""
        size = max(len(self.sums), int(movie.max(initial=0)) + 1)
        return RatingSums(
            padded(self.sums, size) + np.bincount(movie, rating, size),
            padded(self.counts, size) + np.bincount(movie, minlength=size),
        )

    def count_of(self, movie: int) -> int:
        """Return how many ratings a movie has."""
        return int(self.counts[movie]) if movie < len(self.counts) else 0

    def score_of(self, movie: int) -> float:
        """Return twice the mean rating, 0 without one."""
        count = self.count_of(movie)
        return self.sums[movie] / count * 2 if count else 0.0


def generate_imdb(out: Path, movielens: Path, seed: int) -> None:
    """Write IMDb's five TSV.gz for the movies of that MovieLens folder: nineteen in twenty of them,
    and some that it lacks.
    """
    rng = np.random.default_rng(seed)
    titles = draw_titles(rng, movielens)
    films = [draw_film(rng, title, len(titles)) for title in titles]
    out.mkdir(parents=True, exist_ok=True)
    write_basics(rng, out, titles)
    write_crew(out, films)
    write_principals(out, films)
    write_names(out, films)
    write_scores(out, titles)


def draw_titles(rng: np.random.Generator, movielens: Path) -> list[Title]:
    """Return most titles of the folder, and some that MovieLens lacks."""
    titles = [title for title in read_titles(movielens) if rng.random() < 0.95]
    return titles + [unrated(n) for n in range(len(titles) // 10)]


def unrated(n: int) -> Title:
    """Return a title that MovieLens lacks."""
    return Title(f"tt{9_000_000 + n}", f"Unrated Film {n}", "1999", ("Drama",), 5.0, 9)


def read_titles(movielens: Path) -> list[Title]:
    """Return the folder's movies; IMDb's score is twice their mean rating."""
    ratings = sum_ratings(movielens / "ratings.csv")
    tts = {row["movieId"]: f"tt{row['imdbId']}" for row in read_csv(movielens / "links.csv")}
    rows = read_csv(movielens / "movies.csv")
    return [title_of(row, tts[row["movieId"]], ratings) for row in rows]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return a file's rows by the names of its columns."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def title_of(row: dict[str, str], tt: str, ratings: RatingSums) -> Title:
    """Return the title of a row of movies.csv."""
    movie = int(row["movieId"])
    name, year = split_title(row["title"])
    genres = tuple(genre for genre in row["genres"].split("|") if not genre.startswith("("))
    return Title(tt, name, year, genres, ratings.score_of(movie), 100 * ratings.count_of(movie))


def split_title(title: str) -> tuple[str, str]:
    """Return "The Hidden Galaxy" and "1994" for "Hidden Galaxy, The (1994)"."""
    name, _, year = title.rstrip(")").rpartition(" (")
    return (f"The {name.removesuffix(', The')}" if name.endswith(", The") else name), year


def sum_ratings(path: Path) -> RatingSums:
    """Return the sums of a ratings.csv, read as a stream."""
    ratings = RatingSums(np.zeros(0), np.zeros(0, np.int64))
    convert = pacsv.ConvertOptions(include_columns=["movieId", "rating"])
    for batch in pacsv.open_csv(path, convert_options=convert):
        ratings = ratings.plus(batch["movieId"].to_numpy(), batch["rating"].to_numpy())
    return ratings


def padded(values: np.ndarray, size: int) -> np.ndarray:
    """Return the values with zeros behind them."""
    return np.pad(values, (0, size - len(values)))


def draw_film(rng: np.random.Generator, title: Title, n_titles: int) -> Film:
    """Return a title with one or two directors and four actors: people keep to a genre, so that
    names say something of taste.
    """
    people = draw_troupe(rng, title, n_titles)
    n_directors = 1 + int(rng.random() < 0.1)
    directors = [person + 1_000_000 for person in people[:n_directors]]
    return Film(title, directors, [person + FIRST_ACTOR for person in people[2:]])


def draw_troupe(rng: np.random.Generator, title: Title, n_titles: int) -> list[int]:
    """Return six people of the title's first genre."""
    genre = zlib.crc32("".join(title.genres[:1]).encode()) % 100
    n_people = min(max(n_titles // 40, 6), 4_000)
    return (genre * 4_000 + rng.permutation(n_people)[:6]).tolist()


def nconst_of(person: int) -> str:
    return f"nm{person:07d}"


def write_basics(rng: np.random.Generator, out: Path, titles: Sequence[Title]) -> None:
    """Write title.basics."""
    minutes = rng.normal(105, 18, len(titles)).clip(60, 240).astype(int)
    columns = "tconst titleType primaryTitle originalTitle isAdult startYear endYear"
    rows = (basics_row(title, minute) for title, minute in zip(titles, minutes, strict=True))
    write_tsv(out / "title.basics.tsv.gz", f"{columns} runtimeMinutes genres", rows)


def basics_row(title: Title, minutes: int) -> tuple[object, ...]:
    """Return a title's row of title.basics."""
    names = title.name, title.name
    return title.tt, "movie", *names, 0, title.year, NONE, minutes, title.genre_text


def write_crew(out: Path, films: Sequence[Film]) -> None:
    """Write title.crew."""
    rows = [film.crew_row for film in films]
    write_tsv(out / "title.crew.tsv.gz", "tconst directors writers", rows)


def write_principals(out: Path, films: Sequence[Film]) -> None:
    """Write title.principals."""
    columns = "tconst ordering nconst category job characters"
    rows = chain.from_iterable(film.principals for film in films)
    write_tsv(out / "title.principals.tsv.gz", columns, rows)


def write_names(out: Path, films: Sequence[Film]) -> None:
    """Write name.basics: everybody once."""
    people: set[int] = set()
    for film in films:
        people.update(film.directors, film.actors)
    columns = "nconst primaryName birthYear deathYear primaryProfession knownForTitles"
    write_tsv(out / "name.basics.tsv.gz", columns, [row_of(person) for person in sorted(people)])


def row_of(person: int) -> tuple[str, ...]:
    """Return a person's row of name.basics."""
    profession = "actor" if person >= FIRST_ACTOR else "director"
    return nconst_of(person), name_of(person), NONE, NONE, profession, NONE


def name_of(person: int) -> str:
    """Return a person's name; many share one."""
    n_first = len(FIRST_NAMES)
    last = LAST_NAMES[person // n_first % len(LAST_NAMES)]
    return f"{FIRST_NAMES[person % n_first]} {last}"


def write_scores(out: Path, titles: Sequence[Title]) -> None:
    """Write title.ratings, of titles that have votes."""
    rows = [(title.tt, f"{title.score:.1f}", title.votes) for title in titles if title.votes]
    write_tsv(out / "title.ratings.tsv.gz", "tconst averageRating numVotes", rows)


def write_tsv(path: Path, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Write a gzip without a time in its header: the same rows, the same bytes."""
    lines = ["\t".join(columns.split()), *("\t".join(map(str, row)) for row in rows)]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 6, mtime=0))
