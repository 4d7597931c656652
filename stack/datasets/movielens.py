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
    YEAR,
    Movies,
    characters,
    place_by_taste,
    popularity_ranks,
    shares,
    title_words,
    write_csv,
    write_movies,
)

FACTORS = 8
START = 1_388_534_400  # 2014-01-01
END = 1_538_352_000  # 2018-10-01: no rating at or after it
DAY = 86_400
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


EVENT = np.dtype([("user", "i8"), ("movie", "i8"), ("rating", "f8"), ("timestamp", "i8")])


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
    world = draw_movies(rng, movies)
    people = draw_users(rng, users, ratings, most=movies // 2)
    events = np.concatenate(list(draw_events(rng, world, people)))
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "ratings.csv", "userId,movieId,rating,timestamp", events.tolist())
    write_movies(rng, out, world)
    write_csv(out / "tags.csv", "userId,movieId,tag,timestamp", draw_tags(rng, world, events))


def draw_movies(rng: np.random.Generator, count: int) -> Movies:
    main, second, blend, quality = characters(rng, count, FACTORS)
    release = draw_releases(rng, count)
    return Movies(
        ids=np.cumsum(rng.geometric(0.4, count)),
        main=main,
        second=second,
        taste=place_by_taste(rng, blend),
        quality=quality,
        # a rank: Zipf's law below
        popularity=popularity_ranks(rng, quality).astype(float) + 8,
        release=release,
    )


def draw_releases(rng: np.random.Generator, count: int) -> np.ndarray:
    new = rng.random(count) < NEW_SHARE
    late = rng.integers(START, END, count)
    age = (rng.exponential(15, count).clip(0, 90) * YEAR).astype(np.int64)
    return np.where(new, late, START - age)


def draw_users(rng: np.random.Generator, count: int, ratings: int, most: int) -> Users:
    join = rng.integers(START, END - 30 * DAY, count)
    stay = draw_stays(rng, count)
    return Users(
        taste=rng.normal(size=(count, FACTORS)),
        bias=rng.normal(0, 0.35, count),
        join=join,
        leave=np.minimum(join + stay, END),
        ratings=shares(rng.lognormal(0, 1, count), ratings, least=5, most=most),
    )


def draw_stays(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return for how many seconds users stay: most for some days, others for years."""
    is_short = rng.random(count) < 0.6
    days = np.where(is_short, rng.exponential(5, count), rng.exponential(500, count))
    return (days * DAY + 3_600).astype(np.int64)


def draw_events(rng: np.random.Generator, movies: Movies, users: Users) -> Iterator[np.ndarray]:
    """Yield blocks of users' ratings by user and movie, each a record array as ratings.csv has
    it.
    """
    for first in range(0, len(users.join), USERS_AT_A_TIME):
        block = slice(first, first + USERS_AT_A_TIME)
        user, movie = draw_watched(rng, movies, users, block)
        events = np.empty(len(user), EVENT)
        events["user"], events["movie"] = user + 1, movies.ids[movie]
        events["rating"] = rate(rng, movies, users, user, movie)
        events["timestamp"] = draw_times(rng, movies, users, user, movie)
        yield events


def rate(
    rng: np.random.Generator, movies: Movies, users: Users, user: np.ndarray, movie: np.ndarray
) -> np.ndarray:
    affinity = np.einsum("ij,ij->i", users.taste[user], movies.taste[movie])
    noise = rng.normal(0, 0.7, len(user))
    value = 3.1 + users.bias[user] + movies.quality[movie] + 0.5 * affinity + noise
    return np.clip(np.round(value * 2) / 2, 0.5, 5)


def draw_times(
    rng: np.random.Generator, movies: Movies, users: Users, user: np.ndarray, movie: np.ndarray
) -> np.ndarray:
    since = np.maximum(users.join[user], movies.release[movie])
    time_left = np.maximum(users.leave[user] - since, 1)
    return since + (rng.random(len(user)) * time_left).astype(np.int64)


def draw_watched(
    rng: np.random.Generator, movies: Movies, users: Users, block: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return users and movies (places) of the block's ratings, drawn without replacement: Gumbel
    noise on the logarithm of the odds.
    """
    order = np.argsort(-noisy_odds(rng, movies, users, block), axis=1)
    taken = np.arange(order.shape[1]) < users.ratings[block][:, None]
    user, rank = np.nonzero(taken)
    movie = order[user, rank]
    by_id = np.lexsort((movie, user))
    return user[by_id] + (block.start or 0), movie[by_id]


def noisy_odds(rng: np.random.Generator, movies: Movies, users: Users, block: slice) -> np.ndarray:
    """Return users × movies: by taste, novelty, popularity and quality."""
    middle = (users.join[block] + users.leave[block]) / 2
    age = np.maximum(middle[:, None] - movies.release, 0) / YEAR
    novelty = np.log1p(3 * np.exp(-age / 2))
    odds = 1.5 * users.taste[block] @ movies.taste.T + novelty - 1.1 * np.log(movies.popularity)
    odds += movies.quality + rng.gumbel(size=odds.shape)
    # not out yet: only where a user has seen all else
    odds[movies.release[None, :] >= users.leave[block][:, None]] -= 1e6
    return odds


def draw_tags(
    rng: np.random.Generator, movies: Movies, events: np.ndarray
) -> list[tuple[object, ...]]:
    """Return a tag for about one rating in thirty, minutes after it: a word of the movie's genre in
    lower case.
    """
    tagged = events[rng.random(len(events)) < 1 / 30]
    genre = movies.main[np.searchsorted(movies.ids, tagged["movie"])]
    word = rng.integers(0, 4, len(tagged))
    when = np.minimum(tagged["timestamp"] + rng.integers(10, 600, len(tagged)), END - 1)
    words = [title_words(place)[w].lower() for place, w in zip(genre, word, strict=True)]
    columns = tagged["user"].tolist(), tagged["movie"].tolist(), words, when.tolist()
    return list(zip(*columns, strict=True))
