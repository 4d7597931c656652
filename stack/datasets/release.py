"""Whole MovieLens releases made by dice: the sizes and the layout of ml-20m and ml-32m, streamed
user by user.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stack.datasets.release_events import Tags, draw_events, draw_tags
from stack.datasets.release_world import RELEASES, Release, World, draw_world
from stack.datasets.text_rows import number, rows_of, text
from stack.datasets.world import CRLF, GENRE_WORDS, write_movies

__all__ = ["RELEASES", "Release", "generate_release"]

LEVELS = text([f"{half / 2:.1f}" for half in range(1, 11)])
TAG_WORDS = text([word.lower() for word in chain.from_iterable(GENRE_WORDS)])

Advance = Callable[[int], object]


def generate_release(
    out: Path, release: Release, seed: int, advance: Advance = lambda rows: None
) -> None:
    """Write ratings.csv, movies.csv, links.csv and tags.csv: same bytes for the same arguments,
    rows by user and movie.

    `advance` gets how many more ratings are written. Raises ValueError where users would have too
    few ratings, or too large a part of all movies.
    """
    release.check()
    rng = np.random.default_rng(seed)
    world = draw_world(rng, release)
    out.mkdir(parents=True, exist_ok=True)
    write_movies(rng, out, world.movies.sorted_by_id())
    for n_rows in write_events(rng, out, release, world):
        advance(n_rows)


def write_events(
    rng: np.random.Generator, out: Path, release: Release, world: World
) -> Iterator[int]:
    """Write ratings.csv and tags.csv; yield how many more ratings are written."""
    with open_csv(out, "ratings", "rating") as ratings, open_csv(out, "tags", "tag") as tags:
        for events in draw_events(rng, release, world):
            write_ratings(ratings, events)
            write_tags(tags, draw_tags(rng, events, world, release.end))
            yield len(events)


@contextmanager
def open_csv(out: Path, name: str, value: str) -> Iterator[BinaryIO]:
    """Open a file whose rows say what a user gave a movie."""
    with (out / f"{name}.csv").open("wb") as file:
        file.write(f"userId,movieId,{value},timestamp{CRLF}".encode())
        yield file


def write_ratings(file: BinaryIO, events: np.ndarray) -> None:
    """Append some users' ratings."""
    ids = number(events["user"]), number(events["movie"])
    columns = [*ids, LEVELS[events["half_stars"] - 1], number(events["timestamp"])]
    file.write(rows_of(columns, ",", CRLF))


def write_tags(file: BinaryIO, tags: Tags) -> None:
    """Append some users' tags, by user, movie and word."""
    order = np.lexsort((tags.word, tags.movie, tags.user))
    ids = number(tags.user), number(tags.movie)
    columns = [*ids, TAG_WORDS[tags.word], number(tags.when)]
    file.write(rows_of([column[order] for column in columns], ",", CRLF))
