"""Whole MovieLens releases made by dice: the sizes and the layout of ml-20m and ml-32m, streamed
user by user.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stack.datasets.release_events import Tags, draw_events, draw_tags
from stack.datasets.release_world import LEAST, MOST, RELEASES, Release, draw_world
from stack.datasets.text_rows import number, rows_of, text
from stack.datasets.world import CRLF, GENRES, Movies, write_movies

__all__ = ["RELEASES", "Release", "generate_release"]

LEVELS = text([f"{half / 2:.1f}" for half in range(1, 11)])
TAG_WORDS = text([word.lower() for words in GENRES.values() for word in words.split()])

Advance = Callable[[int], object]


def generate_release(
    out: Path, release: Release, seed: int, advance: Advance = lambda rows: None
) -> None:
    """Write ratings.csv, movies.csv, links.csv and tags.csv: same bytes for the same arguments,
    rows by user and movie.

    `advance` gets how many more ratings are written. Raises ValueError where users would have too
    few ratings, or too large a part of all movies.
    """
    if not LEAST * release.users <= release.ratings <= release.users * release.rated // (2 * MOST):
        raise ValueError(
            f"{release}: expected {LEAST} ratings a user to an eighth of the rated movies"
        )
    rng = np.random.default_rng(seed)
    world = draw_world(rng, release)
    out.mkdir(parents=True, exist_ok=True)
    write_movies(rng, out, sorted_by_id(world.movies))
    with (out / "ratings.csv").open("wb") as ratings, (out / "tags.csv").open("wb") as tags:
        ratings.write(f"userId,movieId,rating,timestamp{CRLF}".encode())
        tags.write(f"userId,movieId,tag,timestamp{CRLF}".encode())
        for events in draw_events(rng, release, world):
            write_ratings(ratings, events)
            write_tags(tags, draw_tags(rng, events, world, release.end))
            advance(len(events))


def sorted_by_id(movies: Movies) -> Movies:
    order = np.argsort(movies.ids)
    return Movies(**{name: getattr(movies, name)[order] for name in Movies.__dataclass_fields__})


def write_ratings(file: BinaryIO, events: np.ndarray) -> None:
    ids = number(events["user"]), number(events["movie"])
    columns = [*ids, LEVELS[events["half_stars"] - 1], number(events["timestamp"])]
    file.write(rows_of(columns, ",", CRLF))


def write_tags(file: BinaryIO, tags: Tags) -> None:
    order = np.lexsort((tags.word, tags.movie, tags.user))
    ids = number(tags.user), number(tags.movie)
    columns = [*ids, TAG_WORDS[tags.word], number(tags.when)]
    file.write(rows_of([column[order] for column in columns], ",", CRLF))
