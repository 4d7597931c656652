"""IMDb's five files at their published sizes, made by dice and streamed: the titles of a MovieLens
folder among 11 million.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from stack.datasets.imdb import FIRST_NAMES, LAST_NAMES, Title, read_titles
from stack.datasets.text_rows import either, fixed, joined, number, rows_of, text
from stack.datasets.world import ADJECTIVES, GENRE_NAMES, GENRES, shares

TITLES_AT_A_TIME = 50_000
PERSONS_AT_A_TIME = 500_000
MOST_PEOPLE, PEOPLE_OF_A_MOVIE = 20, 5  # of a title; at least, of one that MovieLens has
KNOWN_SHARE = 0.002  # of a genre's people, who alone make the movies that MovieLens has
GAP = 5  # between the numbers of two titles, at most
NONE = r"\N"
GZIP_LEVEL = 1  # the quickest: nothing else takes as long

HEADERS = {
    "title.basics": "tconst titleType primaryTitle originalTitle isAdult startYear endYear "
    "runtimeMinutes genres",
    "title.crew": "tconst directors writers",
    "title.principals": "tconst ordering nconst category job characters",
    "title.ratings": "tconst averageRating numVotes",
    "name.basics": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}
TYPES = ("tvEpisode", "short", "movie", "video", "tvSeries", "tvMovie")
TYPE_ODDS = (0.76, 0.1, 0.06, 0.03, 0.03, 0.02)
ACTING = ("actor", "actress", "self")
CATEGORIES = (*ACTING, "director", "writer", "producer", "composer", "cinematographer", "editor")

# columns of text, to be indexed by places
TYPE, CATEGORY = text(TYPES), text(CATEGORIES)
ADJECTIVE = text(ADJECTIVES.split())
WORD = text([word for words in GENRES.values() for word in words.split()])
MINUTES = text([*map(str, range(241)), NONE])
GENRE_PAIR = text(
    [",".join(sorted({first, second})) for first in GENRE_NAMES for second in GENRE_NAMES]
)
CHARACTER = text([NONE, *(f'["{first}"]' for first in FIRST_NAMES.split())])
NAME = text([f"{first} {last}" for first in FIRST_NAMES.split() for last in LAST_NAMES.split()])
BIRTH = text([NONE, *map(str, range(1880, 2010))])
PROFESSION = text(["actor", "actress", "director,writer", "producer"])

Advance = Callable[[int], object]


@dataclass(frozen=True)
class Sizes:
    """Rows of the files; title.crew has as many as title.basics, whose rows are `titles`."""

    titles: int
    principals: int
    persons: int
    ratings: int

    def share(self, share: float) -> "Sizes":
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share}: expected more than 0, at most 1")
        return Sizes(
            **{field.name: round(getattr(self, field.name) * share) for field in fields(self)}
        )


FULL_IMDB = Sizes(titles=11_000_000, principals=90_000_000, persons=14_000_000, ratings=1_500_000)


@dataclass(frozen=True)
class Linked:
    """The MovieLens folder's movies, one entry each; text columns as `text` makes them."""

    numbers: np.ndarray
    names: np.ndarray
    years: np.ndarray
    genres: np.ndarray
    main: np.ndarray  # place in GENRE_NAMES
    score: np.ndarray
    votes: np.ndarray


@dataclass(frozen=True)
class Block:
    """Some titles; one entry each. `genre` is a place in GENRE_NAMES, `linked` one among the
    MovieLens movies or -1.
    """

    numbers: np.ndarray
    linked: np.ndarray
    rated: np.ndarray  # whether it has votes
    genre: np.ndarray
    people: np.ndarray  # how many

    @property
    def tconst(self) -> np.ndarray:
        return joined(fixed("tt", len(self.numbers)), number(self.numbers, least_digits=7))


def generate_full_imdb(
    out: Path, sizes: Sizes, movielens: Path, seed: int, advance: Advance = lambda rows: None
) -> None:
    """Write IMDb's five TSV.gz: same bytes for the same arguments and folder. All movies of the
    folder are among the titles.

    `advance` hears how many more rows of title.principals and name.basics are written. Raises
    ValueError where the folder has more movies than there should be titles or rated titles.
    """
    movies = _linked(movielens)
    if len(movies.numbers) > min(sizes.titles, sizes.ratings):
        raise ValueError(
            f"{sizes}, {len(movies.numbers):,} movies in {movielens}: expected at "
            "least as many titles and ratings"
        )
    if not PEOPLE_OF_A_MOVIE * sizes.titles <= sizes.principals <= MOST_PEOPLE * sizes.titles:
        raise ValueError(
            f"{sizes}: expected from {PEOPLE_OF_A_MOVIE} to {MOST_PEOPLE} principals a title"
        )
    if sizes.persons < MOST_PEOPLE * len(GENRE_NAMES):
        raise ValueError(
            f"{sizes}: expected at least {MOST_PEOPLE * len(GENRE_NAMES)} persons, "
            f"{MOST_PEOPLE} a genre"
        )
    rng = np.random.default_rng(seed)
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(_tsv(out, name))
            for name in HEADERS
            if name.startswith("title.")
        }
        for block in _blocks(rng, sizes, movies):
            _write_basics(rng, files["title.basics"], block, movies)
            _write_ratings(rng, files["title.ratings"], block, movies)
            _write_people(rng, files, block, sizes.persons)
            advance(int(block.people.sum()))
    with _tsv(out, "name.basics") as file:
        for first in range(0, sizes.persons, PERSONS_AT_A_TIME):
            persons = np.arange(first, min(first + PERSONS_AT_A_TIME, sizes.persons))
            _write_names(file, persons)
            advance(len(persons))


def _linked(movielens: Path) -> Linked:
    titles = list({title.tt: title for title in read_titles(movielens)}.values())
    return Linked(
        numbers=np.array([int(title.tt[2:]) for title in titles], np.int32),
        names=text([title.name for title in titles]),
        years=text([title.year if title.year.isdigit() else NONE for title in titles]),
        genres=text([",".join(title.genres[:3]) or NONE for title in titles]),
        main=np.array([_main_genre(title) for title in titles]),
        score=np.array([title.score or 5.0 for title in titles]),
        votes=np.array([max(title.votes, 5) for title in titles]),
    )


def _main_genre(title: Title) -> int:
    return next((GENRE_NAMES.index(genre) for genre in title.genres if genre in GENRE_NAMES), 0)


@contextmanager
def _tsv(out: Path, name: str) -> Iterator[gzip.GzipFile]:
    """A gzip without a name or a time in its header, so that the same rows are the same bytes."""
    with (
        (out / f"{name}.tsv.gz").open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as file,
    ):
        file.write(("\t".join(HEADERS[name].split()) + "\n").encode())
        yield file


def _blocks(rng: np.random.Generator, sizes: Sizes, movies: Linked) -> Iterator[Block]:
    """All titles, in the order of their numbers."""
    numbers, linked = _numbers(rng, sizes.titles, movies.numbers)
    rated = _rated(rng, linked, sizes.ratings)
    for first in range(0, sizes.titles, TITLES_AT_A_TIME):
        last = min(first + TITLES_AT_A_TIME, sizes.titles)
        here = linked[first:last]
        yield Block(
            numbers=numbers[first:last],
            linked=here,
            rated=rated[first:last],
            genre=np.where(
                here >= 0, movies.main[here], rng.integers(0, len(GENRE_NAMES), last - first)
            ),
            people=shares(
                rng.gamma(4, size=last - first),
                sizes.principals * last // sizes.titles - sizes.principals * first // sizes.titles,
                least=np.where(here >= 0, PEOPLE_OF_A_MOVIE, 1),
                most=MOST_PEOPLE,
            ),
        )


def _numbers(
    rng: np.random.Generator, count: int, ours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers in `count` tconsts, and for each the place in `ours` of that number, or -1."""
    others = np.cumsum(rng.integers(1, GAP + 1, count, dtype=np.int32), dtype=np.int32)
    others = others[~np.isin(others, ours)][: count - len(ours)]
    numbers = np.sort(np.concatenate([ours, others]))
    linked = np.full(count, -1, np.int32)
    linked[np.searchsorted(numbers, ours)] = np.arange(len(ours))
    return numbers, linked


def _rated(rng: np.random.Generator, linked: np.ndarray, count: int) -> np.ndarray:
    """Which `count` titles have votes: all that MovieLens has, and some of the others."""
    rated = linked >= 0
    others = np.flatnonzero(~rated).astype(np.int32)
    rated[rng.choice(others, count - int(rated.sum()), replace=False)] = True
    return rated


def _write_basics(
    rng: np.random.Generator, file: gzip.GzipFile, block: Block, movies: Linked
) -> None:
    rows, ours = len(block.numbers), block.linked >= 0
    kind = np.where(ours, TYPES.index("movie"), rng.choice(len(TYPES), rows, p=TYPE_ODDS))
    made_name = joined(
        ADJECTIVE[rng.integers(0, len(ADJECTIVE), rows)],
        fixed(" ", rows),
        WORD[4 * block.genre + rng.integers(0, 4, rows)],
        fixed(" ", rows),
        number(block.numbers),
    )
    made_year = number(2026 - np.minimum(rng.exponential(20, rows), 125).astype(np.int64))
    made_genres = GENRE_PAIR[
        block.genre * len(GENRE_NAMES) + rng.integers(0, len(GENRE_NAMES), rows)
    ]
    unknown = rng.random(rows) < 0.3
    minutes = np.where(
        unknown, len(MINUTES) - 1, rng.normal(80, 25, rows).clip(1, 240).astype(np.int64)
    )
    name = either(ours, movies.names[block.linked], made_name)
    year = either(ours, movies.years[block.linked], made_year)
    listed = either(ours, movies.genres[block.linked], made_genres)
    columns = [
        block.tconst,
        TYPE[kind],
        name,
        name,
        fixed("0", rows),
        year,
        fixed(NONE, rows),
        MINUTES[minutes],
        listed,
    ]
    file.write(rows_of(columns, "\t", "\n"))


def _write_ratings(
    rng: np.random.Generator, file: gzip.GzipFile, block: Block, movies: Linked
) -> None:
    """A MovieLens movie's score and votes are those of its ratings, as far as there are any."""
    linked = block.linked[block.rated]
    ours, rows = linked >= 0, len(linked)
    made_score, made_votes = (
        rng.normal(6.8, 1.4, rows).clip(1, 10),
        rng.lognormal(3, 2, rows).clip(5, 3e6),
    )
    tenths = np.round(np.where(ours, movies.score[linked], made_score) * 10).astype(np.int64)
    votes = np.where(ours, movies.votes[linked], made_votes).astype(np.int64)
    average = joined(number(tenths // 10), fixed(".", rows), number(tenths % 10))
    file.write(rows_of([block.tconst[block.rated], average, number(votes)], "\t", "\n"))


def _write_people(
    rng: np.random.Generator, files: dict[str, gzip.GzipFile], block: Block, persons: int
) -> None:
    """title.principals and title.crew: actors first, then others, then the writer and the director.

    People keep to a genre and work with their neighbours; those whom MovieLens' movies have are
    few.
    """
    band = persons // len(GENRE_NAMES)
    ours = block.linked >= 0
    pool = np.where(ours, max(int(band * KNOWN_SHARE), MOST_PEOPLE), band)
    luck = rng.random(len(pool))
    first = (np.where(ours, luck, luck**3) * pool).astype(np.int64)
    title = np.repeat(np.arange(len(pool)), block.people)
    place = np.arange(len(title)) - (np.cumsum(block.people) - block.people)[title]
    person = (block.genre * band)[title] + (first[title] + place) % pool[title]
    nconst = joined(fixed("nm", len(person)), number(person + 1, least_digits=7))
    acts = place < (block.people[title] + 1) // 2
    after = block.people[title] - 1 - place
    category = np.where(
        acts,
        person % np.where(ours, 2, 3)[title],
        len(ACTING) + 2 + place % (len(CATEGORIES) - len(ACTING) - 2),
    )
    category[~acts & (after == 0)] = CATEGORIES.index("director")
    category[~acts & (after == 1)] = CATEGORIES.index("writer")
    columns = [
        block.tconst[title],
        number(place + 1),
        nconst,
        CATEGORY[category],
        fixed(NONE, len(title)),
        CHARACTER[np.where(acts, 1 + person % (len(CHARACTER) - 1), 0)],
    ]
    files["title.principals"].write(rows_of(columns, "\t", "\n"))
    last = np.cumsum(block.people) - 1
    directors, writers = (
        _crew(nconst, last, block.people > 1),
        _crew(nconst, last - 1, block.people > 3),
    )
    files["title.crew"].write(rows_of([block.tconst, directors, writers], "\t", "\n"))


def _crew(nconst: np.ndarray, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    return either(known, nconst[rows], fixed(NONE, len(rows)))


def _write_names(file: gzip.GzipFile, persons: np.ndarray) -> None:
    rows = len(persons)
    columns = [
        joined(fixed("nm", rows), number(persons + 1, least_digits=7)),
        NAME[persons % len(NAME)],
        BIRTH[np.where(persons % 20 == 0, 1 + persons // 20 % (len(BIRTH) - 1), 0)],
        fixed(NONE, rows),
        PROFESSION[persons % len(PROFESSION)],
        fixed(NONE, rows),
    ]
    file.write(rows_of(columns, "\t", "\n"))
