"""How the five files of a whole IMDb write what was drawn: columns of text, a block at a time."""

import gzip

import numpy as np

from stack.datasets.full_imdb_titles import NONE, Block, Linked, People, nconst_of
from stack.datasets.imdb import FIRST_NAMES, LAST_NAMES
from stack.datasets.text_rows import either, fixed, joined, number, rows_of, text
from stack.datasets.world import ADJECTIVES, GENRE_NAMES, GENRES

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


def write_basics(
    rng: np.random.Generator, file: gzip.GzipFile, block: Block, movies: Linked
) -> None:
    """Append to title.basics: MovieLens' movies as MovieLens has them, other titles made up."""
    rows, ours = len(block.numbers), block.linked >= 0
    kind = np.where(ours, TYPES.index("movie"), rng.choice(len(TYPES), rows, p=TYPE_ODDS))
    name = either(ours, movies.names[block.linked], draw_names(rng, block))
    year = either(ours, movies.years[block.linked], draw_years(rng, rows))
    genres = either(ours, movies.genres[block.linked], draw_genres(rng, block.genre))
    adult, end_year = fixed("0", rows), fixed(NONE, rows)
    minutes = draw_minutes(rng, rows)
    columns = [block.tconst, TYPE[kind], name, name, adult, year, end_year, minutes, genres]
    file.write(rows_of(columns, "\t", "\n"))


def draw_names(rng: np.random.Generator, block: Block) -> np.ndarray:
    rows = len(block.numbers)
    adjective = ADJECTIVE[rng.integers(0, len(ADJECTIVE), rows)]
    word = WORD[4 * block.genre + rng.integers(0, 4, rows)]
    space = fixed(" ", rows)
    return joined(adjective, space, word, space, number(block.numbers))


def draw_years(rng: np.random.Generator, rows: int) -> np.ndarray:
    return number(2026 - np.minimum(rng.exponential(20, rows), 125).astype(np.int64))


def draw_genres(rng: np.random.Generator, genre: np.ndarray) -> np.ndarray:
    return GENRE_PAIR[genre * len(GENRE_NAMES) + rng.integers(0, len(GENRE_NAMES), len(genre))]


def draw_minutes(rng: np.random.Generator, rows: int) -> np.ndarray:
    unknown = rng.random(rows) < 0.3
    minutes = rng.normal(80, 25, rows).clip(1, 240).astype(np.int64)
    return MINUTES[np.where(unknown, len(MINUTES) - 1, minutes)]


def write_ratings(
    rng: np.random.Generator, file: gzip.GzipFile, block: Block, movies: Linked
) -> None:
    """Append to title.ratings; a MovieLens movie's score and votes are those of its ratings, as far
    as there are any.
    """
    linked = block.linked[block.rated]
    ours, rows = linked >= 0, len(linked)
    score = np.where(ours, movies.score[linked], rng.normal(6.8, 1.4, rows).clip(1, 10))
    votes = np.where(ours, movies.votes[linked], rng.lognormal(3, 2, rows).clip(5, 3e6))
    tenths = np.round(score * 10).astype(np.int64)
    average = joined(number(tenths // 10), fixed(".", rows), number(tenths % 10))
    columns = [block.tconst[block.rated], average, number(votes.astype(np.int64))]
    file.write(rows_of(columns, "\t", "\n"))


def write_principals(file: gzip.GzipFile, block: Block, people: People) -> None:
    """Append to title.principals: actors first, then others, then the writer and the director."""
    title, place, person = people.title, people.place, people.person
    acts = place < (block.people[title] + 1) // 2
    character = CHARACTER[np.where(acts, 1 + person % (len(CHARACTER) - 1), 0)]
    category = CATEGORY[categories_of(block, people, acts)]
    job = fixed(NONE, len(title))
    columns = [block.tconst[title], number(place + 1), people.nconst, category, job, character]
    file.write(rows_of(columns, "\t", "\n"))


def categories_of(block: Block, people: People, acts: np.ndarray) -> np.ndarray:
    """Return each person's place in CATEGORIES."""
    title, place = people.title, people.place
    after = block.people[title] - 1 - place
    acting = people.person % np.where(block.linked >= 0, 2, 3)[title]
    n_before = len(ACTING) + 2
    other = n_before + place % (len(CATEGORIES) - n_before)
    category = np.where(acts, acting, other)
    category[~acts & (after == 0)] = CATEGORIES.index("director")
    category[~acts & (after == 1)] = CATEGORIES.index("writer")
    return category


def write_crew(file: gzip.GzipFile, block: Block, people: People) -> None:
    """Append to title.crew: the director is a title's last person, the writer the one before."""
    last = np.cumsum(block.people) - 1
    none = fixed(NONE, len(last))
    directors = either(block.people > 1, people.nconst[last], none)
    writers = either(block.people > 3, people.nconst[last - 1], none)
    file.write(rows_of([block.tconst, directors, writers], "\t", "\n"))


def write_names(file: gzip.GzipFile, persons: np.ndarray) -> None:
    """Append to name.basics; one person in twenty has a year of birth."""
    none = fixed(NONE, len(persons))
    birth = np.where(persons % 20 == 0, 1 + persons // 20 % (len(BIRTH) - 1), 0)
    profession = PROFESSION[persons % len(PROFESSION)]
    name = NAME[persons % len(NAME)]
    columns = [nconst_of(persons), name, BIRTH[birth], none, profession, none]
    file.write(rows_of(columns, "\t", "\n"))
