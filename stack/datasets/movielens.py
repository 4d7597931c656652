"""A movie world made by dice, in MovieLens' and IMDb's own file layouts: for where the real files
cannot be had.

Users and movies have latent tastes; what a user watches follows taste, popularity and what is new;
genres, title words, directors and actors go with a movie's place in taste space, so that content
has something to say. Every choice is seeded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stack.datasets.world import (
    GENRE_NAMES,
    GENRES,
    YEAR,
    Movies,
    characters,
    genres,
    links,
    shares,
    titles,
    write_csv,
)

FACTORS = 8
START = 1_388_534_400  # 2014-01-01
END = 1_538_352_000  # 2018-10-01: no rating at or after it
NEW_SHARE = 0.3  # movies that come out while the users rate; the others are older
USERS_AT_A_TIME = 2_000  # users × movies numbers in memory


@dataclass(frozen=True)
class Users:
    """One entry a user; `ratings` is how many they give between `join` and `leave` (Unix
    seconds).
    """

    taste: np.ndarray
    bias: np.ndarray
    join: np.ndarray
    leave: np.ndarray
    ratings: np.ndarray


def generate_movielens(out: Path, *, users: int, movies: int, ratings: int, seed: int) -> None:
    """Write ratings.csv, movies.csv, links.csv and tags.csv as ml-latest-small has them: same bytes
    for the same arguments.

    Raises ValueError where the users cannot rate that many movies.
    """
    if not 5 * users <= ratings <= users * movies // 2:
        raise ValueError(
            f"{ratings} ratings of {users} users on {movies} movies: expected 5 a "
            "user to half of all movies a user"
        )
    rng = np.random.default_rng(seed)
    world = _movies(rng, movies)
    people = _users(rng, users, ratings, most=movies // 2)
    events = np.concatenate(list(_events(rng, world, people)))
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "ratings.csv", "userId,movieId,rating,timestamp", events.tolist())
    write_csv(
        out / "movies.csv",
        "movieId,title,genres",
        zip(world.ids.tolist(), titles(rng, world), genres(rng, world), strict=True),
    )
    write_csv(out / "links.csv", "movieId,imdbId,tmdbId", links(rng, world))
    write_csv(out / "tags.csv", "userId,movieId,tag,timestamp", _tags(rng, world, events))


def _movies(rng: np.random.Generator, count: int) -> Movies:
    main, second, blend, quality = characters(rng, count, FACTORS)
    new = rng.random(count) < NEW_SHARE
    release = np.where(
        new,
        rng.integers(START, END, count),
        START - (rng.exponential(15, count).clip(0, 90) * YEAR).astype(np.int64),
    )
    return Movies(
        ids=np.cumsum(rng.geometric(0.4, count)),
        main=main,
        second=second,
        taste=(blend + 0.5 * rng.normal(size=(count, FACTORS))) / np.sqrt(FACTORS),
        quality=quality,
        # a rank: Zipf's law below
        popularity=np.argsort(np.argsort(-(quality + rng.normal(size=count)))).astype(float) + 8,
        release=release,
    )


def _users(rng: np.random.Generator, count: int, ratings: int, most: int) -> Users:
    join = rng.integers(START, END - 30 * 86_400, count)
    stay = (
        np.where(rng.random(count) < 0.6, rng.exponential(5, count), rng.exponential(500, count))
        * 86_400
        + 3_600
    )
    return Users(
        taste=rng.normal(size=(count, FACTORS)),
        bias=rng.normal(0, 0.35, count),
        join=join,
        leave=np.minimum(join + stay.astype(np.int64), END),
        ratings=shares(rng.lognormal(0, 1, count), ratings, least=5, most=most),
    )


def _events(rng: np.random.Generator, movies: Movies, users: Users) -> Iterator[np.ndarray]:
    """Blocks of users' ratings, ordered by user and movie: a record array as ratings.csv has it."""
    layout = np.dtype([("user", "i8"), ("movie", "i8"), ("rating", "f8"), ("timestamp", "i8")])
    for first in range(0, len(users.join), USERS_AT_A_TIME):
        block = slice(first, first + USERS_AT_A_TIME)
        user, movie = _watched(rng, movies, users, block)
        affinity = np.einsum("ij,ij->i", users.taste[user], movies.taste[movie])
        value = (
            3.1
            + users.bias[user]
            + movies.quality[movie]
            + 0.5 * affinity
            + rng.normal(0, 0.7, len(user))
        )
        since = np.maximum(users.join[user], movies.release[movie])
        events = np.empty(len(user), layout)
        events["user"], events["movie"] = user + 1, movies.ids[movie]
        events["rating"] = np.clip(np.round(value * 2) / 2, 0.5, 5)
        events["timestamp"] = since + (
            rng.random(len(user)) * np.maximum(users.leave[user] - since, 1)
        ).astype(np.int64)
        yield events


def _watched(
    rng: np.random.Generator, movies: Movies, users: Users, block: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Users and movies (places) of the block's ratings, drawn without replacement: Gumbel noise on
    the logarithm of the odds.
    """
    middle = (users.join[block] + users.leave[block]) / 2
    age = np.maximum(middle[:, None] - movies.release, 0) / YEAR
    odds = (
        1.5 * users.taste[block] @ movies.taste.T
        + np.log1p(3 * np.exp(-age / 2))
        - 1.1 * np.log(movies.popularity)
    )
    odds += movies.quality + rng.gumbel(size=odds.shape)
    # not out yet: only where a user has seen all else
    odds[movies.release[None, :] >= users.leave[block][:, None]] -= 1e6
    order = np.argsort(-odds, axis=1)
    taken = np.arange(order.shape[1]) < users.ratings[block][:, None]
    user, rank = np.nonzero(taken)
    movie = order[user, rank]
    by_id = np.lexsort((movie, user))
    return user[by_id] + (block.start or 0), movie[by_id]


def _tags(rng: np.random.Generator, movies: Movies, events: np.ndarray) -> list[tuple[object, ...]]:
    """A tag for about one rating in thirty, minutes after it: a word of the movie's genre in lower
    case.
    """
    tagged = events[rng.random(len(events)) < 1 / 30]
    genre = movies.main[np.searchsorted(movies.ids, tagged["movie"])]
    word = rng.integers(0, 4, len(tagged))
    when = np.minimum(tagged["timestamp"] + rng.integers(10, 600, len(tagged)), END - 1)
    names = [GENRES[GENRE_NAMES[g]].split()[w].lower() for g, w in zip(genre, word, strict=True)]
    return list(
        zip(tagged["user"].tolist(), tagged["movie"].tolist(), names, when.tolist(), strict=True)
    )
