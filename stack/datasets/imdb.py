"""IMDb's five files for a made movie world, in the layout of IMDb's non-commercial data sets."""

import csv
import gzip
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv

FIRST_NAMES = (
    "Anna Boris Carla David Elena Felix Greta Hugo Irene Jonas Karin Luca Maria Nils Olga Paul "
    "Rita Sven Tara Viktor"
)
LAST_NAMES = (
    "Adler Brandt Conti Duval Engel Fischer Garcia Holm Ivanov Jansen Keller Lindt Moreau Novak "
    "Ortiz Petrov Rossi Silva"
)
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


@dataclass(frozen=True)
class Crew:
    """Who made a title, as numbers of persons."""

    directors: list[int]
    actors: list[int]


def generate_imdb(out: Path, movielens: Path, seed: int) -> None:
    """Write IMDb's five TSV.gz for the movies of that MovieLens folder: nineteen in twenty of them,
    and some that it lacks.
    """
    rng = np.random.default_rng(seed)
    titles = [title for title in read_titles(movielens) if rng.random() < 0.95]
    titles += [unrated(n) for n in range(len(titles) // 10)]
    crews = [draw_crew(rng, title, len(titles)) for title in titles]
    out.mkdir(parents=True, exist_ok=True)
    write_basics(rng, out, titles)
    write_crews(out, titles, crews)
    write_principals(out, titles, crews)
    write_names(out, crews)
    scores = ((title.tt, f"{title.score:.1f}", title.votes) for title in titles if title.votes)
    write_tsv(out / "title.ratings.tsv.gz", "tconst averageRating numVotes", scores)


def unrated(n: int) -> Title:
    """Return a title that MovieLens lacks."""
    return Title(f"tt{9_000_000 + n}", f"Unrated Film {n}", "1999", ("Drama",), 5.0, 9)


def read_titles(movielens: Path) -> list[Title]:
    """Return the folder's movies; IMDb's score is twice their mean rating."""
    sums, counts = sum_ratings(movielens)
    with (movielens / "links.csv").open(newline="") as file:
        links = {row["movieId"]: row["imdbId"] for row in csv.DictReader(file)}
    titles = []
    with (movielens / "movies.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            movie = int(row["movieId"])
            n_ratings = int(counts[movie]) if movie < len(counts) else 0
            score = sums[movie] / n_ratings * 2 if n_ratings else 0.0
            name, year = split_title(row["title"])
            genres = tuple(genre for genre in row["genres"].split("|") if not genre.startswith("("))
            tt = f"tt{links[row['movieId']]}"
            titles.append(Title(tt, name, year, genres, score, 100 * n_ratings))
    return titles


def split_title(title: str) -> tuple[str, str]:
    """Return "The Hidden Galaxy" and "1994" for "Hidden Galaxy, The (1994)"."""
    name, _, year = title.rstrip(")").rpartition(" (")
    return (f"The {name.removesuffix(', The')}" if name.endswith(", The") else name), year


def sum_ratings(movielens: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return each movie id's sum of ratings, and their number; the file is read as a stream."""
    sums, counts = np.zeros(0), np.zeros(0, np.int64)
    convert = pacsv.ConvertOptions(include_columns=["movieId", "rating"])
    for batch in pacsv.open_csv(movielens / "ratings.csv", convert_options=convert):
        movie, rating = batch["movieId"].to_numpy(), batch["rating"].to_numpy()
        size = max(len(sums), int(movie.max(initial=0)) + 1)
        sums = padded(sums, size) + np.bincount(movie, rating, size)
        counts = padded(counts, size) + np.bincount(movie, minlength=size)
    return sums, counts


def padded(values: np.ndarray, size: int) -> np.ndarray:
    return np.pad(values, (0, size - len(values)))


def draw_crew(rng: np.random.Generator, title: Title, n_titles: int) -> Crew:
    """Return one or two directors and four actors: people keep to a genre, so that names say
    something of taste.
    """
    genre = zlib.crc32("".join(title.genres[:1]).encode()) % 100
    troupe = min(max(n_titles // 40, 6), 4_000)
    people = (genre * 4_000 + rng.permutation(troupe)[:6]).tolist()
    n_directors = 1 + int(rng.random() < 0.1)
    directors = [person + 1_000_000 for person in people[:n_directors]]
    return Crew(directors, [person + FIRST_ACTOR for person in people[2:]])


def nconst_of(person: int) -> str:
    return f"nm{person:07d}"


def write_basics(rng: np.random.Generator, out: Path, titles: Sequence[Title]) -> None:
    minutes = rng.normal(105, 18, len(titles)).clip(60, 240).astype(int)
    rows = []
    for title, minute in zip(titles, minutes, strict=True):
        genres = ",".join(title.genres[:3]) or NONE
        names = title.name, title.name
        rows.append((title.tt, "movie", *names, 0, title.year, NONE, minute, genres))
    columns = "tconst titleType primaryTitle originalTitle isAdult startYear endYear"
    write_tsv(out / "title.basics.tsv.gz", f"{columns} runtimeMinutes genres", rows)


def write_crews(out: Path, titles: Sequence[Title], crews: Sequence[Crew]) -> None:
    rows = []
    for title, crew in zip(titles, crews, strict=True):
        rows.append((title.tt, ",".join(map(nconst_of, crew.directors)), NONE))
    write_tsv(out / "title.crew.tsv.gz", "tconst directors writers", rows)


def write_principals(out: Path, titles: Sequence[Title], crews: Sequence[Crew]) -> None:
    """Write the actors of each title, then its directors."""
    rows = []
    for title, crew in zip(titles, crews, strict=True):
        for place, person in enumerate([*crew.actors, *crew.directors], start=1):
            category = "actor" if place <= len(crew.actors) else "director"
            rows.append((title.tt, place, nconst_of(person), category, NONE, NONE))
    columns = "tconst ordering nconst category job characters"
    write_tsv(out / "title.principals.tsv.gz", columns, rows)


def write_names(out: Path, crews: Sequence[Crew]) -> None:
    people: set[int] = set()
    for crew in crews:
        people.update(crew.directors, crew.actors)
    columns = "nconst primaryName birthYear deathYear primaryProfession knownForTitles"
    write_tsv(out / "name.basics.tsv.gz", columns, [row_of(person) for person in sorted(people)])


def row_of(person: int) -> tuple[str, ...]:
    """Return a person's row of name.basics."""
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    name = f"{first[person % len(first)]} {last[person // len(first) % len(last)]}"
    profession = "actor" if person >= FIRST_ACTOR else "director"
    return nconst_of(person), name, NONE, NONE, profession, NONE


def write_tsv(path: Path, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Write a gzip without a time in its header: the same rows, the same bytes."""
    lines = ["\t".join(columns.split()), *("\t".join(map(str, row)) for row in rows)]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 6, mtime=0))
