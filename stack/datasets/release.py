"""Whole MovieLens releases made by dice: the sizes and the layout of ml-20m and ml-32m, streamed
user by user.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stack.datasets.release_events import draw_events
from stack.datasets.release_world import LEAST, MOST, RELEASES, Release, World, draw_world
from stack.datasets.text_rows import number, rows_of, text
from stack.datasets.world import CRLF, GENRES, Movies, genres, links, titles, write_csv

__all__ = ["RELEASES", "Release", "generate_release"]

LEVELS = text([f"{half / 2:.1f}" for half in range(1, 11)])
TAG_WORDS = text([word.lower() for words in GENRES.values() for word in words.split()])

Advance = Callable[[int], object]


def generate_release(
    out: Path, release: Release, seed: int, advance: Advance = lambda rows: None
) -> None:
    """Write ratings.csv, movies.csv, links.csv and tags.csv: same bytes for the same arguments,
    rows by user and movie.

    `advance` hears how many more ratings are written. Raises ValueError where users would have too
    few ratings, or too large a part of all movies.
    """
    if not LEAST * release.users <= release.ratings <= release.users * release.rated // (2 * MOST):
        raise ValueError(
            f"{release}: expected {LEAST} ratings a user to an eighth of the rated movies"
        )
    rng = np.random.default_rng(seed)
    world = draw_world(rng, release)
    out.mkdir(parents=True, exist_ok=True)
    write_movies(rng, out, world.movies)
    with (out / "ratings.csv").open("wb") as ratings, (out / "tags.csv").open("wb") as tags:
        ratings.write(f"userId,movieId,rating,timestamp{CRLF}".encode())
        tags.write(f"userId,movieId,tag,timestamp{CRLF}".encode())
        for events in draw_events(rng, release, world):
            write_ratings(ratings, events)
            write_tags(rng, tags, events, world, release.end)
            advance(len(events))


def write_movies(rng: np.random.Generator, out: Path, movies: Movies) -> None:
    order = np.argsort(movies.ids)
    listed = Movies(**{name: getattr(movies, name)[order] for name in Movies.__dataclass_fields__})
    rows = zip(listed.ids.tolist(), titles(rng, listed), genres(rng, listed), strict=True)
    write_csv(out / "movies.csv", "movieId,title,genres", rows)
    write_csv(out / "links.csv", "movieId,imdbId,tmdbId", links(rng, listed))


def write_ratings(file: BinaryIO, events: np.ndarray) -> None:
    columns = [
        number(events["user"]),
        number(events["movie"]),
        LEVELS[events["half_stars"] - 1],
        number(events["timestamp"]),
    ]
    file.write(rows_of(columns, ",", CRLF))


def write_tags(
    rng: np.random.Generator, file: BinaryIO, events: np.ndarray, world: World, end: int
) -> None:
    """Words of the movie's main genre, minutes after the rating; round a user's movies, at each
    round another word.
    """
    block = slice(events["user"][0] - 1, events["user"][-1])
    counts, ratings = world.users.tags[block], world.users.ratings[block]
    user = np.repeat(np.arange(len(counts)), counts)
    if not len(user):
        return
    turn = (
        np.arange(len(user)) - (np.cumsum(counts) - counts)[user] + rng.integers(0, ratings)[user]
    )
    event = events[(np.cumsum(ratings) - ratings)[user] + turn % ratings[user]]
    round_ = (turn - turn % ratings[user]) // ratings[user]
    word = 4 * world.movies.main[event["place"]] + (round_ + event["movie"]) % 4
    when = np.minimum(event["timestamp"] + rng.integers(10, 600, len(user)), end - 1)
    order = np.lexsort((word, event["movie"], user))
    columns = [number(event["user"]), number(event["movie"]), TAG_WORDS[word], number(when)]
    file.write(rows_of([column[order] for column in columns], ",", CRLF))
