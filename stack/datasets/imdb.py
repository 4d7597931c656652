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


@dataclass(frozen=True)
class Title:
    """A movie as the MovieLens files tell it."""

    tt: str
    name: str
    year: str
    genres: tuple[str, ...]
    score: float
    votes: int


def generate_imdb(out: Path, movielens: Path, seed: int) -> None:
    """Write IMDb's five TSV.gz for the movies of that MovieLens folder: nineteen in twenty of them,
    and some that it lacks.
    """
    rng = np.random.default_rng(seed)
    titles = [title for title in read_titles(movielens) if rng.random() < 0.95]
    strangers = [
        Title(f"tt{9_000_000 + n}", f"Unrated Film {n}", "1999", ("Drama",), 5.0, 9)
        for n in range(len(titles) // 10)
    ]
    titles += strangers
    crews = [_crew(rng, title, len(titles)) for title in titles]
    out.mkdir(parents=True, exist_ok=True)
    _write_basics(rng, out, titles)
    _write_crews(out, titles, crews)
    _write_names(out, {person for directors, actors in crews for person in (*directors, *actors)})
    scores = ((title.tt, f"{title.score:.1f}", title.votes) for title in titles if title.votes)
    _write_tsv(out / "title.ratings.tsv.gz", "tconst averageRating numVotes", scores)


def read_titles(movielens: Path) -> list[Title]:
    """The folder's movies, with ten times their mean rating's place between 0 and 5 as IMDb's
    score.
    """
    sums, counts = _rating_sums(movielens)
    with (movielens / "links.csv").open(newline="") as file:
        links = {row["movieId"]: row["imdbId"] for row in csv.DictReader(file)}
    titles = []
    with (movielens / "movies.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            movie = int(row["movieId"])
            name, _, year = row["title"].rstrip(")").rpartition(" (")
            name = f"The {name.removesuffix(', The')}" if name.endswith(", The") else name
            votes = int(counts[movie]) if movie < len(counts) else 0
            genres = tuple(genre for genre in row["genres"].split("|") if not genre.startswith("("))
            titles.append(
                Title(
                    f"tt{links[row['movieId']]}",
                    name,
                    year,
                    genres,
                    sums[movie] / votes * 2 if votes else 0.0,
                    100 * votes,
                )
            )
    return titles


def _rating_sums(movielens: Path) -> tuple[np.ndarray, np.ndarray]:
    """Each movie id's sum of ratings, and their number; the file is read as a stream."""
    sums, counts = np.zeros(0), np.zeros(0, np.int64)
    convert = pacsv.ConvertOptions(include_columns=["movieId", "rating"])
    for batch in pacsv.open_csv(movielens / "ratings.csv", convert_options=convert):
        movie = batch["movieId"].to_numpy()
        size = max(len(sums), int(movie.max(initial=0)) + 1)
        sums = np.pad(sums, (0, size - len(sums))) + np.bincount(
            movie, batch["rating"].to_numpy(), size
        )
        counts = np.pad(counts, (0, size - len(counts))) + np.bincount(movie, minlength=size)
    return sums, counts


def _crew(rng: np.random.Generator, title: Title, titles: int) -> tuple[list[int], list[int]]:
    """One or two directors and four actors (person numbers): people keep to a genre, so that names
    tell something of taste.
    """
    genre = zlib.crc32("".join(title.genres[:1]).encode()) % 100
    troupe = min(max(titles // 40, 6), 4_000)
    people = genre * 4_000 + rng.permutation(troupe)[:6]
    directors = 1 + int(rng.random() < 0.1)
    return [int(person) + 1_000_000 for person in people[:directors]], [
        int(person) + 5_000_000 for person in people[2:]
    ]


def _nconst(person: int) -> str:
    return f"nm{person:07d}"


def _write_basics(rng: np.random.Generator, out: Path, titles: Sequence[Title]) -> None:
    minutes = rng.normal(105, 18, len(titles)).clip(60, 240).astype(int)
    rows = (
        (
            title.tt,
            "movie",
            title.name,
            title.name,
            0,
            title.year,
            r"\N",
            minute,
            ",".join(title.genres[:3]) or r"\N",
        )
        for title, minute in zip(titles, minutes, strict=True)
    )
    columns = (
        "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes "
        "genres"
    )
    _write_tsv(out / "title.basics.tsv.gz", columns, rows)


def _write_crews(
    out: Path, titles: Sequence[Title], crews: Sequence[tuple[list[int], list[int]]]
) -> None:
    named = [
        (title.tt, [_nconst(p) for p in crew[0]], [_nconst(p) for p in crew[1]])
        for title, crew in zip(titles, crews, strict=True)
    ]
    _write_tsv(
        out / "title.crew.tsv.gz",
        "tconst directors writers",
        ((tt, ",".join(directors), r"\N") for tt, directors, _ in named),
    )
    principals = (
        (tt, place, person, "actor" if place <= len(actors) else "director", r"\N", r"\N")
        for tt, directors, actors in named
        for place, person in enumerate([*actors, *directors], start=1)
    )
    _write_tsv(
        out / "title.principals.tsv.gz",
        "tconst ordering nconst category job characters",
        principals,
    )


def _write_names(out: Path, people: set[int]) -> None:
    columns = "nconst primaryName birthYear deathYear primaryProfession knownForTitles"
    _write_tsv(out / "name.basics.tsv.gz", columns, (_person(number) for number in sorted(people)))


def _person(number: int) -> tuple[str, ...]:
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    name = f"{first[number % len(first)]} {last[number // len(first) % len(last)]}"
    return (
        _nconst(number),
        name,
        r"\N",
        r"\N",
        "actor" if number >= 5_000_000 else ("director"),
        r"\N",
    )


def _write_tsv(path: Path, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """A gzip without a time in its header: the same rows, the same bytes."""
    lines = ["\t".join(columns.split()), *("\t".join(map(str, row)) for row in rows)]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 6, mtime=0))
