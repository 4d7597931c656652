"""A movie world made by dice, in MovieLens' and IMDb's own file layouts: for where the real files cannot be had.

Users and movies have latent tastes; what a user watches follows taste, popularity and what is new; genres, title words,
directors and actors go with a movie's place in taste space, so that content has something to say. Every choice is seeded.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.generate_imdb import generate_imdb

#: MovieLens' genres, each with four words that titles of that genre like to use.
GENRES = {
    "Action": "Strike Fury Bullet Target",
    "Adventure": "Voyage Island Quest Horizon",
    "Animation": "Puppet Kingdom Robot Dragon",
    "Children": "Puppy Circus Birthday Treehouse",
    "Comedy": "Wedding Neighbor Vacation Trouble",
    "Crime": "Heist Alibi Boss Witness",
    "Documentary": "Planet Century Portrait Archive",
    "Drama": "Letter Daughter Winter Promise",
    "Fantasy": "Crown Wizard Mirror Spell",
    "Film-Noir": "Alley Shadow Cigarette Rain",
    "Horror": "Cellar Grave Scream Asylum",
    "IMAX": "Ocean Summit Sky Depths",
    "Musical": "Chorus Stage Melody Encore",
    "Mystery": "Secret Cipher Manor Stranger",
    "Romance": "Kiss Summer Heart Waltz",
    "Sci-Fi": "Galaxy Signal Android Orbit",
    "Thriller": "Hostage Deadline Conspiracy Edge",
    "War": "Regiment Trench Bridge Siege",
    "Western": "Saddle Canyon Sheriff Rifle",
}
GENRE_NAMES = tuple(GENRES)
ADJECTIVES = """Silent Crimson Broken Golden Hidden Lonely Burning Frozen Wild Last First Distant Electric Velvet Bitter
    Paper Midnight Hollow Restless Gentle Savage Falling Painted Invisible Borrowed Northern Endless Little Grand Crooked"""

FACTORS = 8
START = 1_388_534_400  # 2014-01-01
END = 1_538_352_000  # 2018-10-01: no rating at or after it
YEAR = 31_557_600
NEW_SHARE = 0.3  # movies that come out while the users rate; the others are older
USERS_AT_A_TIME = 2_000  # users × movies numbers in memory
CRLF = "\r\n"  # how GroupLens ends its lines


@dataclass(frozen=True)
class Movies:
    """One entry a movie. `main` and `second` are places in GENRE_NAMES, `second` -1 for none; `taste` is (movies, FACTORS)."""

    ids: np.ndarray
    main: np.ndarray
    second: np.ndarray
    taste: np.ndarray
    quality: np.ndarray
    popularity: np.ndarray
    release: np.ndarray  # Unix seconds; before START for most

    @property
    def years(self) -> np.ndarray:
        return 1970 + (self.release // YEAR).astype(np.int64)


@dataclass(frozen=True)
class Users:
    """One entry a user; `ratings` is how many they give between `join` and `leave` (Unix seconds)."""

    taste: np.ndarray
    bias: np.ndarray
    join: np.ndarray
    leave: np.ndarray
    ratings: np.ndarray


def generate_movielens(out: Path, *, users: int, movies: int, ratings: int, seed: int) -> None:
    """Write ratings.csv, movies.csv, links.csv and tags.csv as ml-latest-small has them: same bytes for the same arguments.

    Raises ValueError where the users cannot rate that many movies.
    """
    if not 5 * users <= ratings <= users * movies // 2:
        raise ValueError(f"{ratings} ratings of {users} users on {movies} movies: expected 5 a user to half of all movies a user")
    rng = np.random.default_rng(seed)
    world = _movies(rng, movies)
    people = _users(rng, users, ratings, most=movies // 2)
    events = np.concatenate(list(_events(rng, world, people)))
    out.mkdir(parents=True, exist_ok=True)
    _write_csv(out / "ratings.csv", "userId,movieId,rating,timestamp", events.tolist())
    _write_csv(
        out / "movies.csv", "movieId,title,genres", zip(world.ids.tolist(), _titles(rng, world), _genres(rng, world), strict=True)
    )
    _write_csv(out / "links.csv", "movieId,imdbId,tmdbId", _links(rng, world))
    _write_csv(out / "tags.csv", "userId,movieId,tag,timestamp", _tags(rng, world, events))


def _movies(rng: np.random.Generator, count: int) -> Movies:
    centres = rng.normal(size=(len(GENRE_NAMES), FACTORS))
    common = rng.dirichlet(np.full(len(GENRE_NAMES), 2.0))
    main = rng.choice(len(GENRE_NAMES), count, p=common)
    second = np.where(rng.random(count) < 0.7, rng.choice(len(GENRE_NAMES), count, p=common), -1)
    second[second == main] = -1
    blend = np.where(second[:, None] >= 0, 0.7 * centres[main] + 0.5 * centres[second], centres[main])
    quality = rng.normal(0, 0.4, count)
    new = rng.random(count) < NEW_SHARE
    release = np.where(
        new, rng.integers(START, END, count), START - (rng.exponential(15, count).clip(0, 90) * YEAR).astype(np.int64)
    )
    return Movies(
        ids=np.cumsum(rng.geometric(0.4, count)),
        main=main,
        second=second,
        taste=(blend + 0.5 * rng.normal(size=(count, FACTORS))) / np.sqrt(FACTORS),
        quality=quality,
        popularity=np.argsort(np.argsort(-(quality + rng.normal(size=count)))).astype(float) + 8,  # a rank: Zipf's law below
        release=release,
    )


def _users(rng: np.random.Generator, count: int, ratings: int, most: int) -> Users:
    join = rng.integers(START, END - 30 * 86_400, count)
    stay = np.where(rng.random(count) < 0.6, rng.exponential(5, count), rng.exponential(500, count)) * 86_400 + 3_600
    return Users(
        taste=rng.normal(size=(count, FACTORS)),
        bias=rng.normal(0, 0.35, count),
        join=join,
        leave=np.minimum(join + stay.astype(np.int64), END),
        ratings=_shares(rng.lognormal(0, 1, count), ratings, least=5, most=most),
    )


def _shares(weights: np.ndarray, total: int, *, least: int, most: int) -> np.ndarray:
    """Whole numbers from `least` to `most`, about proportional to `weights`, that add up to `total`."""
    counts = np.clip((weights / weights.sum() * total).astype(np.int64), least, most)
    while missing := total - int(counts.sum()):
        step = 1 if missing > 0 else -1
        room = np.flatnonzero(counts < most) if step > 0 else np.flatnonzero(counts > least)
        counts[room[: abs(missing)]] += step
    return counts


def _events(rng: np.random.Generator, movies: Movies, users: Users) -> Iterator[np.ndarray]:
    """Blocks of users' ratings, ordered by user and movie: a record array as ratings.csv has it."""
    layout = np.dtype([("user", "i8"), ("movie", "i8"), ("rating", "f8"), ("timestamp", "i8")])
    for first in range(0, len(users.join), USERS_AT_A_TIME):
        block = slice(first, first + USERS_AT_A_TIME)
        user, movie = _watched(rng, movies, users, block)
        affinity = np.einsum("ij,ij->i", users.taste[user], movies.taste[movie])
        value = 3.1 + users.bias[user] + movies.quality[movie] + 0.5 * affinity + rng.normal(0, 0.7, len(user))
        since = np.maximum(users.join[user], movies.release[movie])
        events = np.empty(len(user), layout)
        events["user"], events["movie"] = user + 1, movies.ids[movie]
        events["rating"] = np.clip(np.round(value * 2) / 2, 0.5, 5)
        events["timestamp"] = since + (rng.random(len(user)) * np.maximum(users.leave[user] - since, 1)).astype(np.int64)
        yield events


def _watched(rng: np.random.Generator, movies: Movies, users: Users, block: slice) -> tuple[np.ndarray, np.ndarray]:
    """Users and movies (places) of the block's ratings, drawn without replacement: Gumbel noise on the logarithm of the odds."""
    middle = (users.join[block] + users.leave[block]) / 2
    age = np.maximum(middle[:, None] - movies.release, 0) / YEAR
    odds = 1.5 * users.taste[block] @ movies.taste.T + np.log1p(3 * np.exp(-age / 2)) - 1.1 * np.log(movies.popularity)
    odds += movies.quality + rng.gumbel(size=odds.shape)
    odds[movies.release[None, :] >= users.leave[block][:, None]] -= 1e6  # not out yet: only where a user has seen all else
    order = np.argsort(-odds, axis=1)
    taken = np.arange(order.shape[1]) < users.ratings[block][:, None]
    user, rank = np.nonzero(taken)
    movie = order[user, rank]
    by_id = np.lexsort((movie, user))
    return user[by_id] + (block.start or 0), movie[by_id]


def _titles(rng: np.random.Generator, movies: Movies) -> list[str]:
    """ "Hidden Galaxy, The (1994)", each once."""
    adjectives = rng.choice(ADJECTIVES.split(), len(movies.ids))
    words = rng.integers(0, 4, len(movies.ids))
    article = rng.random(len(movies.ids)) < 0.25
    seen: dict[str, int] = {}
    titles = []
    for place, (adjective, genre, year) in enumerate(zip(adjectives, movies.main, movies.years, strict=True)):
        name = f"{adjective} {GENRES[GENRE_NAMES[genre]].split()[words[place]]}"
        seen[name] = seen.get(name, 0) + 1
        part = f" {seen[name]}" if seen[name] > 1 else ""
        titles.append(f"{name}{part}{', The' if article[place] else ''} ({year})")
    return titles


def _genres(rng: np.random.Generator, movies: Movies) -> list[str]:
    unknown = rng.random(len(movies.ids)) < 0.01
    named = [
        sorted({GENRE_NAMES[place] for place in pair if place >= 0}) for pair in zip(movies.main, movies.second, strict=True)
    ]
    return ["(no genres listed)" if lost else "|".join(names) for lost, names in zip(unknown, named, strict=True)]


def _links(rng: np.random.Generator, movies: Movies) -> Iterator[tuple[object, ...]]:
    imdb = np.cumsum(rng.integers(1, 60, len(movies.ids))) + 10_000
    tmdb = rng.permutation(len(movies.ids)) + 1
    missing = rng.random(len(movies.ids)) < 0.005
    for movie, tt, number, lost in zip(movies.ids, imdb, tmdb, missing, strict=True):
        yield movie, f"{tt:07d}", "" if lost else number


def _tags(rng: np.random.Generator, movies: Movies, events: np.ndarray) -> list[tuple[object, ...]]:
    """A tag for about one rating in thirty, minutes after it: a word of the movie's genre in lower case."""
    tagged = events[rng.random(len(events)) < 1 / 30]
    genre = movies.main[np.searchsorted(movies.ids, tagged["movie"])]
    word = rng.integers(0, 4, len(tagged))
    when = np.minimum(tagged["timestamp"] + rng.integers(10, 600, len(tagged)), END - 1)
    names = [GENRES[GENRE_NAMES[g]].split()[w].lower() for g, w in zip(genre, word, strict=True)]
    return list(zip(tagged["user"].tolist(), tagged["movie"].tolist(), names, when.tolist(), strict=True))


def _write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        file.write(header + CRLF)
        csv.writer(file, lineterminator=CRLF).writerows(rows)


def main() -> None:
    """`python -m bench.generate OUT`: MovieLens files in OUT/movielens, IMDb files in OUT/imdb."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=main.__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--users", type=int, default=600)
    parser.add_argument("--movies", type=int, default=3_000)
    parser.add_argument("--ratings", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    folder = chosen.out / "movielens"
    generate_movielens(folder, users=chosen.users, movies=chosen.movies, ratings=chosen.ratings, seed=chosen.seed)
    generate_imdb(chosen.out / "imdb", folder, chosen.seed)
    print(f"{chosen.ratings:,} ratings of {chosen.users:,} users on {chosen.movies:,} movies: {folder} and {chosen.out / 'imdb'}")


if __name__ == "__main__":
    main()
