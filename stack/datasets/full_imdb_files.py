"""How the five files of a whole IMDb write what was drawn: columns of text, a block at a time."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product

import numpy as np

from stack.datasets.full_imdb_titles import NONE, Block, Linked, People, nconst_of
from stack.datasets.imdb import FIRST_NAMES, LAST_NAMES
from stack.datasets.text_rows import either, fixed, joined, number, rows_of, text
from stack.datasets.world import ADJECTIVES, GENRE_NAMES, GENRE_WORDS, whole

TYPES = ("tvEpisode", "short", "movie", "video", "tvSeries", "tvMovie")
TYPE_ODDS = (0.76, 0.1, 0.06, 0.03, 0.03, 0.02)
ACTING = ("actor", "actress", "self")
CATEGORIES = (*ACTING, "director", "writer", "producer", "composer", "cinematographer", "editor")

# columns of text, to be indexed by places
TYPE, CATEGORY = text(TYPES), text(CATEGORIES)
ADJECTIVE = text(ADJECTIVES.split())
WORD = text(list(chain.from_iterable(GENRE_WORDS)))
MINUTES = text([*map(str, range(241)), NONE])
GENRE_PAIR = text([",".join(sorted(set(pair))) for pair in product(GENRE_NAMES, repeat=2)])
CHARACTER = text([NONE, *(f'["{first}"]' for first in FIRST_NAMES)])
NAME = text([" ".join(names) for names in product(FIRST_NAMES, LAST_NAMES)])
BIRTH = text([NONE, *map(str, range(1880, 2010))])
PROFESSION = text(["actor", "actress", "director,writer", "producer"])


@dataclass(frozen=True)
class Cast:
    """A block's people as title.principals lists them: actors, others, the writer, the director."""

    block: Block
    people: People

    @property
    def acts(self) -> np.ndarray:
        """Return whether each is an actor: the first half is."""
        return self.people.place < (self.n_people + 1) // 2

    @property
    def n_people(self) -> np.ndarray:
        """Return for each how many people their title has."""
        return self.block.people[self.people.title]

    @property
    def category(self) -> np.ndarray:
        """Return each person's place in CATEGORIES."""
        category = np.where(self.acts, self._acting, self._other)
        n_after = self.n_people - 1 - self.people.place
        category[~self.acts & (n_after == 0)] = CATEGORIES.index("director")
        category[~self.acts & (n_after == 1)] = CATEGORIES.index("writer")
        return category

    @property
    def _acting(self) -> np.ndarray:
        # nobody plays themselves in MovieLens' movies
        return self.people.person % np.where(self.block.is_ours, 2, 3)[self.people.title]

    @property
    def _other(self) -> np.ndarray:
        n_before = len(ACTING) + 2
        return n_before + self.people.place % (len(CATEGORIES) - n_before)

    @property
    def character(self) -> np.ndarray:
        """Return each person's place in CHARACTER."""
        return np.where(self.acts, 1 + self.people.person % (len(CHARACTER) - 1), 0)


def write(file: gzip.GzipFile, columns: Sequence[np.ndarray]) -> None:
    """Append rows of text columns."""
    file.write(rows_of(columns, "\t", "\n"))


def write_basics(
    rng: np.random.Generator, file: gzip.GzipFile, block: Block, movies: Linked
) -> None:
    """Append to title.basics: MovieLens' movies as MovieLens has them, other titles made up."""
    kind = draw_types(rng, block)
    name, year, genres = draw_labels(rng, block, movies)
    minutes = draw_minutes(rng, len(block))
    adult, end = block.fixed("0"), block.fixed(NONE)
    write(file, [block.tconst, kind, name, name, adult, year, end, minutes, genres])


def draw_labels(rng: np.random.Generator, block: Block, movies: Linked) -> tuple[np.ndarray, ...]:
    """Return the names, years and genres of titles."""
    name = block.ours_or(movies.names, draw_names(rng, block))
    year = block.ours_or(movies.years, draw_years(rng, len(block)))
    genres = block.ours_or(movies.genres, draw_genres(rng, block.genre))
    return name, year, genres


def draw_types(rng: np.random.Generator, block: Block) -> np.ndarray:
    """Return the types of titles; MovieLens has movies."""
    types = rng.choice(len(TYPES), len(block), p=TYPE_ODDS)
    return TYPE[np.where(block.is_ours, TYPES.index("movie"), types)]


def draw_names(rng: np.random.Generator, block: Block) -> np.ndarray:
    """Return an adjective, a word of the genre and the title's number."""
    rows = len(block)
    adjective = ADJECTIVE[rng.integers(0, len(ADJECTIVE), rows)]
    word = WORD[4 * block.genre + rng.integers(0, 4, rows)]
    space = fixed(" ", rows)
    return joined(adjective, space, word, space, number(block.numbers))


def draw_years(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return years, more of them late."""
    return number(2026 - whole(np.minimum(rng.exponential(20, rows), 125)))


def draw_genres(rng: np.random.Generator, genre: np.ndarray) -> np.ndarray:
    """Return each genre, with another one or alone."""
    return GENRE_PAIR[genre * len(GENRE_NAMES) + rng.integers(0, len(GENRE_NAMES), len(genre))]


def draw_minutes(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return running times; three in ten are unknown."""
    unknown = rng.random(rows) < 0.3
    minutes = whole(rng.normal(80, 25, rows).clip(1, 240))
    return MINUTES[np.where(unknown, len(MINUTES) - 1, minutes)]


def write_ratings(
    rng: np.random.Generator, file: gzip.GzipFile, block: Block, movies: Linked
) -> None:
    """Append to title.ratings; a MovieLens movie's score and votes are those of its ratings, as far
    as there are any.
    """
    linked = block.linked[block.rated]
    score = draw_scores(rng, linked, movies)
    votes = draw_votes(rng, linked, movies)
    write(file, [block.tconst[block.rated], one_decimal(score), number(whole(votes))])


def draw_scores(rng: np.random.Generator, linked: np.ndarray, movies: Linked) -> np.ndarray:
    """Return titles' scores."""
    others = rng.normal(6.8, 1.4, len(linked)).clip(1, 10)
    return ours_or(linked, movies.score, others)


def draw_votes(rng: np.random.Generator, linked: np.ndarray, movies: Linked) -> np.ndarray:
    """Return how many votes titles have."""
    others = rng.lognormal(3, 2, len(linked)).clip(5, 3e6)
    return ours_or(linked, movies.votes, others)


def ours_or(linked: np.ndarray, ours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return numbers: of MovieLens' movies where they are, of others elsewhere."""
    return np.where(linked >= 0, ours[linked], others)


def one_decimal(values: np.ndarray) -> np.ndarray:
    """Return a text column of numbers with one decimal."""
    whole_part, tenth = np.divmod(whole(np.round(values * 10)), 10)
    return joined(number(whole_part), fixed(".", len(values)), number(tenth))


def write_principals(file: gzip.GzipFile, block: Block, people: People) -> None:
    """Append to title.principals."""
    cast = Cast(block, people)
    tconst = block.tconst[people.title]
    job = fixed(NONE, len(tconst))
    category, character = CATEGORY[cast.category], CHARACTER[cast.character]
    write(file, [tconst, number(people.place + 1), people.nconst, category, job, character])


def write_crew(file: gzip.GzipFile, block: Block, people: People) -> None:
    """Append to title.crew: the director is a title's last person, the writer the one before."""
    last = np.cumsum(block.people) - 1
    none = fixed(NONE, len(last))
    directors = either(block.people > 1, people.nconst[last], none)
    writers = either(block.people > 3, people.nconst[last - 1], none)
    write(file, [block.tconst, directors, writers])


def write_names(file: gzip.GzipFile, persons: np.ndarray) -> None:
    """Append to name.basics."""
    none = fixed(NONE, len(persons))
    profession = PROFESSION[persons % len(PROFESSION)]
    name = NAME[persons % len(NAME)]
    write(file, [nconst_of(persons), name, births_of(persons), none, profession, none])


def births_of(persons: np.ndarray) -> np.ndarray:
    """Return years of birth, of one person in twenty."""
    return BIRTH[np.where(persons % 20 == 0, 1 + persons // 20 % (len(BIRTH) - 1), 0)]
