"""What is drawn of IMDb's titles, block by block: which exist, which MovieLens has, who made
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stack.datasets.imdb import Title, read_titles
from stack.datasets.text_rows import fixed, joined, number, text
from stack.datasets.world import GENRE_NAMES, shares

TITLES_AT_A_TIME = 50_000
MOST_PEOPLE, PEOPLE_OF_A_MOVIE = 20, 5  # of a title; at least, of one that MovieLens has
KNOWN_SHARE = 0.002  # of a genre's people, who alone make the movies that MovieLens has
GAP = 5  # between the numbers of two titles, at most
NONE = r"\N"


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


@dataclass(frozen=True)
class People:
    """The people of a block's titles, one entry each: their title's place in the block, their place
    in that title, and their number; `nconst` is a text column.
    """

    title: np.ndarray
    place: np.ndarray
    person: np.ndarray
    nconst: np.ndarray


def read_linked(movielens: Path) -> Linked:
    titles = list({title.tt: title for title in read_titles(movielens)}.values())
    return Linked(
        numbers=np.array([int(title.tt[2:]) for title in titles], np.int32),
        names=text([title.name for title in titles]),
        years=text([title.year if title.year.isdigit() else NONE for title in titles]),
        genres=text([",".join(title.genres[:3]) or NONE for title in titles]),
        main=np.array([main_genre(title) for title in titles]),
        score=np.array([title.score or 5.0 for title in titles]),
        votes=np.array([max(title.votes, 5) for title in titles]),
    )


def main_genre(title: Title) -> int:
    return next((GENRE_NAMES.index(genre) for genre in title.genres if genre in GENRE_NAMES), 0)


def draw_blocks(
    rng: np.random.Generator, n_titles: int, n_principals: int, n_ratings: int, movies: Linked
) -> Iterator[Block]:
    """Yield all titles, in the order of their numbers."""
    numbers, linked = draw_numbers(rng, n_titles, movies.numbers)
    rated = draw_rated(rng, linked, n_ratings)
    for first in range(0, n_titles, TITLES_AT_A_TIME):
        last = min(first + TITLES_AT_A_TIME, n_titles)
        here = linked[first:last]
        others = rng.integers(0, len(GENRE_NAMES), last - first)
        people = n_principals * last // n_titles - n_principals * first // n_titles
        yield Block(
            numbers=numbers[first:last],
            linked=here,
            rated=rated[first:last],
            genre=np.where(here >= 0, movies.main[here], others),
            people=draw_counts(rng, here, people),
        )


def draw_numbers(
    rng: np.random.Generator, count: int, ours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers in `count` tconsts, and for each the place in `ours` of that number, or
    -1.
    """
    others = np.cumsum(rng.integers(1, GAP + 1, count, dtype=np.int32), dtype=np.int32)
    others = others[~np.isin(others, ours)][: count - len(ours)]
    numbers = np.sort(np.concatenate([ours, others]))
    linked = np.full(count, -1, np.int32)
    linked[np.searchsorted(numbers, ours)] = np.arange(len(ours))
    return numbers, linked


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
    ours = block.linked >= 0
    pool = np.where(ours, max(int(band * KNOWN_SHARE), MOST_PEOPLE), band)
    luck = rng.random(len(pool))
    first = (np.where(ours, luck, luck**3) * pool).astype(np.int64)
    title = np.repeat(np.arange(len(pool)), block.people)
    place = np.arange(len(title)) - (np.cumsum(block.people) - block.people)[title]
    person = (block.genre * band)[title] + (first[title] + place) % pool[title]
    return People(title, place, person, nconst_of(person))


def nconst_of(persons: np.ndarray) -> np.ndarray:
    return joined(fixed("nm", len(persons)), number(persons + 1, least_digits=7))
