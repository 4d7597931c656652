"""IMDb's five files at their published sizes, made by dice and streamed: the titles of a MovieLens
folder among 11 million.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stack.datasets.full_imdb_files import (
    write_basics,
    write_crew,
    write_names,
    write_principals,
    write_ratings,
)
from stack.datasets.full_imdb_titles import (
    MOST_PEOPLE,
    PEOPLE_OF_A_MOVIE,
    Block,
    Linked,
    Sizes,
    draw_blocks,
    draw_people,
    read_linked,
)
from stack.datasets.world import GENRE_NAMES

__all__ = ["FULL_IMDB", "HEADERS", "Sizes", "generate_full_imdb"]

PERSONS_AT_A_TIME = 500_000
GZIP_LEVEL = 1  # the quickest: nothing else takes as long

HEADERS = {
    "title.basics": "tconst titleType primaryTitle originalTitle isAdult startYear endYear "
    "runtimeMinutes genres",
    "title.crew": "tconst directors writers",
    "title.principals": "tconst ordering nconst category job characters",
    "title.ratings": "tconst averageRating numVotes",
    "name.basics": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}

Advance = Callable[[int], object]


FULL_IMDB = Sizes(titles=11_000_000, principals=90_000_000, persons=14_000_000, ratings=1_500_000)


def generate_full_imdb(
    out: Path, sizes: Sizes, movielens: Path, seed: int, advance: Advance = lambda rows: None
) -> None:
    """Write IMDb's five TSV.gz: same bytes for the same arguments and folder. All movies of the
    folder are among the titles.

    `advance` gets how many more rows of title.principals and name.basics are written. Raises
    ValueError where the sizes contradict each other, or the folder has more movies than there
    should be titles or rated titles.
    """
    movies = read_linked(movielens)
    check_movies(sizes, movies, movielens)
    check_people(sizes)
    out.mkdir(parents=True, exist_ok=True)
    write_titles(out, np.random.default_rng(seed), sizes, movies, advance)
    write_persons(out, sizes.persons, advance)


def check_movies(sizes: Sizes, movies: Linked, movielens: Path) -> None:
    """Raise ValueError where there are too few titles for the folder's movies."""
    n_movies = len(movies.numbers)
    if n_movies > min(sizes.titles, sizes.ratings):
        raise ValueError(
            f"{sizes}, {n_movies:,} movies in {movielens}: expected at least as many titles and "
            "ratings"
        )


def check_people(sizes: Sizes) -> None:
    """Raise ValueError where there are too few or too many people."""
    if not PEOPLE_OF_A_MOVIE * sizes.titles <= sizes.principals <= MOST_PEOPLE * sizes.titles:
        raise ValueError(
            f"{sizes}: expected from {PEOPLE_OF_A_MOVIE} to {MOST_PEOPLE} principals a title"
        )
    fewest = MOST_PEOPLE * len(GENRE_NAMES)
    if sizes.persons < fewest:
        raise ValueError(f"{sizes}: expected at least {fewest} persons, {MOST_PEOPLE} a genre")


@dataclass(frozen=True)
class TitleFiles:
    """The files that have a row a title, or one for each of its people."""

    basics: gzip.GzipFile
    crew: gzip.GzipFile
    principals: gzip.GzipFile
    ratings: gzip.GzipFile

    def write(self, rng: np.random.Generator, block: Block, movies: Linked, n_persons: int) -> None:
        """Append a block's titles to each."""
        write_basics(rng, self.basics, block, movies)
        write_ratings(rng, self.ratings, block, movies)
        people = draw_people(rng, block, n_persons)
        write_principals(self.principals, block, people)
        write_crew(self.crew, block, people)


def write_titles(
    out: Path, rng: np.random.Generator, sizes: Sizes, movies: Linked, advance: Advance
) -> None:
    """Write the files of titles."""
    with open_titles(out) as files:
        for block in draw_blocks(rng, sizes, movies):
            files.write(rng, block, movies, sizes.persons)
            advance(int(block.people.sum()))


def write_persons(out: Path, n_persons: int, advance: Advance) -> None:
    """Write name.basics."""
    with open_tsv(out, "name.basics") as file:
        for first in range(0, n_persons, PERSONS_AT_A_TIME):
            persons = np.arange(first, min(first + PERSONS_AT_A_TIME, n_persons))
            write_names(file, persons)
            advance(len(persons))


@contextmanager
def open_tsv(out: Path, name: str) -> Iterator[gzip.GzipFile]:
    """Open a gzip without a name or a time in its header, so that the same rows are the same
    bytes.
    """
    with (
        (out / f"{name}.tsv.gz").open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as file,
    ):
        file.write(("\t".join(HEADERS[name].split()) + "\n").encode())
        yield file


@contextmanager
def open_titles(out: Path) -> Iterator[TitleFiles]:
    """Open the four files of titles."""
    with (
        open_tsv(out, "title.basics") as basics,
        open_tsv(out, "title.crew") as crew,
        open_tsv(out, "title.principals") as principals,
        open_tsv(out, "title.ratings") as ratings,
    ):
        yield TitleFiles(basics, crew, principals, ratings)
