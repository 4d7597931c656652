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
    GENRE_WORDS,
    YEAR,
    Characters,
    Movies,
    affinity,
    draw_mixed,
    minutes_after,
    shares,
    whole,
    write_csv,
    write_movies,
)

FACTORS = 8
START = 1_388_534_400  # 2014-01-01
END = 1_538_352_000  # 2018-10-01: no rating at or after it
DAY = 86_400
NEW_SHARE = 0.3  # movies that come out while the users rate; the others are older
USERS_AT_A_TIME = 2_000  # users × movies numbers in memory


EVENT = np.dtype([("user", "i8"), ("movie", "i8"), ("rating", "f8"), ("timestamp", "i8")])


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


@dataclass(frozen=True)
class World:
    """Movies and users, from which ratings are drawn; users and movies are places here."""

    movies: Movies
    users: Users

    def draw_events(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield blocks of users' ratings by user and movie, each a record array as ratings.csv has
        it.
        """
        for first in range(0, len(self.users.join), USERS_AT_A_TIME):
            user, movie = self.draw_watched(rng, slice(first, first + USERS_AT_A_TIME))
            events = np.empty(len(user), EVENT)
            events["user"] = user + 1
            events["movie"] = self.movies.ids[movie]
            events["rating"] = self.draw_stars(rng, user, movie)
            events["timestamp"] = self.draw_times(rng, user, movie)
            yield events

    def draw_watched(self, rng: np.random.Generator, block: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return users and movies of the block's ratings, drawn without replacement: Gumbel noise
        on the logarithm of the odds.
        """
        order = np.argsort(-self.draw_noisy_odds(rng, block), axis=1)
        is_taken = np.arange(order.shape[1]) < self.users.ratings[block][:, None]
        user, rank = np.nonzero(is_taken)
        movie = order[user, rank]
        by_id = np.lexsort((movie, user))
        return user[by_id] + block.start, movie[by_id]

    def draw_noisy_odds(self, rng: np.random.Generator, block: slice) -> np.ndarray:
        """Return users × movies: by taste, novelty, popularity and quality."""
        movies = self.movies
        liking = 1.5 * self.users.taste[block] @ movies.taste.T
        odds = liking + self.novelty(block) - 1.1 * np.log(movies.popularity)
        odds += movies.quality + rng.gumbel(size=odds.shape)
        # not out yet: only where a user has seen all else
        odds[movies.release[None, :] >= self.users.leave[block][:, None]] -= 1e6
        return odds

    def novelty(self, block: slice) -> np.ndarray:
        """Return users × movies: how new a movie is in the middle of a user's time."""
        middle = (self.users.join[block] + self.users.leave[block]) / 2
        age = np.maximum(middle[:, None] - self.movies.release, 0) / YEAR
        return np.log1p(3 * np.exp(-age / 2))

    def draw_stars(
        self, rng: np.random.Generator, user: np.ndarray, movie: np.ndarray
    ) -> np.ndarray:
        """Return how many stars users give movies."""
        liking = affinity(self.users.taste[user], self.movies.taste[movie])
        noise = rng.normal(0, 0.7, len(user))
        leaning = 3.1 + self.users.bias[user] + self.movies.quality[movie]
        return np.clip(np.round((leaning + 0.5 * liking + noise) * 2) / 2, 0.5, 5)

    def draw_times(
        self, rng: np.random.Generator, user: np.ndarray, movie: np.ndarray
    ) -> np.ndarray:
        """Return when users rate movies: after both are there, before the user leaves."""
        since = np.maximum(self.users.join[user], self.movies.release[movie])
        time_left = np.maximum(self.users.leave[user] - since, 1)
        return since + whole(rng.random(len(user)) * time_left)


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
    world = World(draw_movies(rng, movies), draw_users(rng, users, ratings, most=movies // 2))
    write_world(rng, out, world)


def write_world(rng: np.random.Generator, out: Path, world: World) -> None:
    """Draw the ratings and tags, and write the four files."""
    events = np.concatenate(list(world.draw_events(rng)))
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "ratings.csv", "userId,movieId,rating,timestamp", events.tolist())
    write_movies(rng, out, world.movies)
    tags = draw_tags(rng, world.movies, events)
    write_csv(out / "tags.csv", "userId,movieId,tag,timestamp", tags)


def draw_movies(rng: np.random.Generator, count: int) -> Movies:
    """Return movies whose popularity is a rank: Zipf's law later."""
    characters = Characters.draw(rng, count, FACTORS)
    release = draw_releases(rng, count)
    return Movies(
        ids=np.cumsum(rng.geometric(0.4, count)),
        main=characters.main,
        second=characters.second,
        taste=characters.draw_taste(rng),
        quality=characters.quality,
        popularity=characters.draw_ranks(rng).astype(float) + 8,
        release=release,
    )


def draw_releases(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return when movies come out."""
    is_new = rng.random(count) < NEW_SHARE
    late = rng.integers(START, END, count)
    age = whole(rng.exponential(15, count).clip(0, 90) * YEAR)
    return np.where(is_new, late, START - age)


def draw_users(rng: np.random.Generator, count: int, ratings: int, most: int) -> Users:
    """Return users who give that many ratings together."""
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
    return whole(draw_mixed(rng, count, 0.6, 5, 500) * DAY + 3_600)


def draw_tags(
    rng: np.random.Generator, movies: Movies, events: np.ndarray
) -> list[tuple[object, ...]]:
    """Return a tag for about one rating in thirty, minutes after it."""
    tagged = events[rng.random(len(events)) < 1 / 30]
    words = draw_words(rng, movies.main[np.searchsorted(movies.ids, tagged["movie"])])
    when = minutes_after(rng, tagged["timestamp"], END).tolist()
    ids = tagged["user"].tolist(), tagged["movie"].tolist()
    return list(zip(*ids, words, when, strict=True))


def draw_words(rng: np.random.Generator, genres: np.ndarray) -> list[str]:
    """Return a word of each genre in lower case."""
    places = rng.integers(0, 4, len(genres))
    return [GENRE_WORDS[genre][place].lower() for genre, place in zip(genres, places, strict=True)]
