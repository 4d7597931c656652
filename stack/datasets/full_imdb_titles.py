"""What is drawn of IMDb's titles, block by block: which exist, which MovieLens has, who made
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from stack.datasets.imdb import Title, read_titles
from stack.datasets.text_rows import either, fixed, joined, number, text
from stack.datasets.world import GENRE_NAMES, check_share, places_within, shares, whole

TITLES_AT_A_TIME = 50_000
MOST_PEOPLE, PEOPLE_OF_A_MOVIE = 20, 5  # of a title; at least, of one that MovieLens has
KNOWN_SHARE = 0.002  # of a genre's people, who alone make the movies that MovieLens has
GAP = 5  # between the numbers of two titles, at most
NONE = r"\N"


@dataclass(frozen=True)
class Sizes:
    """Rows of the files; title.crew has as many as title.basics, whose rows are `titles`."""

    titles: int
    principals: int
    persons: int
    ratings: int

    def share(self, share: float) -> "Sizes":
        """Return that share of each."""
        check_share(share)
        return Sizes(*(round(getattr(self, field.name) * share) for field in fields(self)))

    def people_of(self, first: int, last: int) -> int:
        """Return how many people the titles from the first to before the last have."""
        return self.people_before(last) - self.people_before(first)

    def people_before(self, title: int) -> int:
        """Return how many people the first so many titles have."""
        return self.principals * title // self.titles


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

    @classmethod
    def of(cls, titles: list[Title]) -> "Linked":
        """Return the columns of titles."""
        columns = zip(*map(linked_row, titles), strict=True)
        numbers, names, years, genres, main, score, votes = columns
        return cls(
            numbers=np.array(numbers, np.int32),
            names=text(names),
            years=text(years),
            genres=text(genres),
            main=np.array(main),
            score=np.array(score),
            votes=np.array(votes),
        )


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

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def tconst(self) -> np.ndarray:
        """Return the text column of ids."""
        return joined(self.fixed("tt"), number(self.numbers, least_digits=7))

    def fixed(self, value: str) -> np.ndarray:
        """Return a text column that says the same of each."""
        return fixed(value, len(self))

    @property
    def is_ours(self) -> np.ndarray:
        """Return which titles MovieLens has."""
        return self.linked >= 0

    def ours_or(self, ours: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return a text column: of MovieLens' movies where they are, of others elsewhere."""
        return either(self.is_ours, ours[self.linked], other)


@dataclass(frozen=True)
class People:
    """The people of a block's titles, one entry each: their title's place in the block, their place
    in that title, and their number.
    """

    title: np.ndarray
    place: np.ndarray
    person: np.ndarray

    @cached_property
    def nconst(self) -> np.ndarray:
        """Return the text column of ids."""
        return nconst_of(self.person)


@dataclass(frozen=True)
class Catalogue:
    """All titles in the order of their numbers, before they have genres and people."""

    numbers: np.ndarray
    linked: np.ndarray
    rated: np.ndarray

    def draw_block(
        self, rng: np.random.Generator, first: int, sizes: Sizes, movies: Linked
    ) -> Block:
        """Return some titles from the first on."""
        last = min(first + TITLES_AT_A_TIME, sizes.titles)
        linked = self.linked[first:last]
        others = rng.integers(0, len(GENRE_NAMES), last - first)
        return Block(
            numbers=self.numbers[first:last],
            linked=linked,
            rated=self.rated[first:last],
            genre=np.where(linked >= 0, movies.main[linked], others),
            people=draw_counts(rng, linked, sizes.people_of(first, last)),
        )


def linked_row(title: Title) -> tuple[int, str, str, str, int, float, int]:
    """Return what Linked has of a title: its score and votes as if few had rated it."""
    year = title.year if title.year.isdigit() else NONE
    score = title.score or 5.0
    votes = max(title.votes, 5)
    return title.number, title.name, year, title.genre_text, title.main_genre, score, votes


def read_linked(movielens: Path) -> Linked:
    """Return the folder's movies, each tconst once."""
    return Linked.of(list({title.tt: title for title in read_titles(movielens)}.values()))


def draw_blocks(rng: np.random.Generator, sizes: Sizes, movies: Linked) -> Iterator[Block]:
    """Yield all titles, in the order of their numbers."""
    numbers = draw_numbers(rng, sizes.titles, movies.numbers)
    linked = places_among(numbers, movies.numbers)
    catalogue = Catalogue(numbers, linked, draw_rated(rng, linked, sizes.ratings))
    for first in range(0, sizes.titles, TITLES_AT_A_TIME):
        yield catalogue.draw_block(rng, first, sizes, movies)


def draw_numbers(rng: np.random.Generator, count: int, ours: np.ndarray) -> np.ndarray:
    """Return the numbers in `count` tconsts, `ours` among them."""
    others = np.cumsum(rng.integers(1, GAP + 1, count, dtype=np.int32), dtype=np.int32)
    others = others[~np.isin(others, ours)][: count - len(ours)]
    return np.sort(np.concatenate([ours, others]))


def places_among(numbers: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Return for each number its place in `ours`, or -1."""
    linked = np.full(len(numbers), -1, np.int32)
    linked[np.searchsorted(numbers, ours)] = np.arange(len(ours))
    return linked


def draw_rated(rng: np.random.Generator, linked: np.ndarray, count: int) -> np.ndarray:
    """Return which `count` titles have votes: all that MovieLens has, and some of the others."""
    rated = linked >= 0
    others = np.flatnonzero(~rated).astype(np.int32)
    rated[rng.choice(others, count - int(rated.sum()), replace=False)] = True
    return rated


def draw_counts(rng: np.random.Generator, linked: np.ndarray, total: int) -> np.ndarray:
    """Return how many people each title of a block has."""
    least = np.where(linked >= 0, PEOPLE_OF_A_MOVIE, 1)
    return shares(rng.gamma(4, size=len(linked)), total, least=least, most=MOST_PEOPLE)


def draw_people(rng: np.random.Generator, block: Block, n_persons: int) -> People:
    """Return who made a block's titles. People keep to a genre and work with their neighbours;
    those of MovieLens' movies are few.
    """
    band = n_persons // len(GENRE_NAMES)
    pool = np.where(block.is_ours, max(int(band * KNOWN_SHARE), MOST_PEOPLE), band)
    first = draw_first_people(rng, block, pool)
    title = np.repeat(np.arange(len(block)), block.people)
    place = places_within(block.people)
    person = (block.genre * band)[title] + (first[title] + place) % pool[title]
    return People(title, place, person)


def draw_first_people(rng: np.random.Generator, block: Block, pool: np.ndarray) -> np.ndarray:
    """Return each title's first person in its pool: of most pools the first ones are preferred."""
    luck = rng.random(len(pool))
    return whole(np.where(block.is_ours, luck, luck**3) * pool)


def nconst_of(persons: np.ndarray) -> np.ndarray:
    """Return the text column of persons' ids."""
    return joined(fixed("nm", len(persons)), number(persons + 1, least_digits=7))
