"""Whole MovieLens releases made by dice: the sizes and the layout of ml-20m and ml-32m, streamed
user by user.

Users have a few of many kinds of taste; each kind has its own odds over movies. A tenth of the
movies has most of the ratings: 81% at ml-20m's size, 86% in ml-20m. Users come in sessions and rate
what is out by then.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bench.text_rows import number, rows_of, text
from bench.world import (
    CRLF,
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

FACTORS = 16
KINDS = 64  # of taste
KINDS_OF_A_USER = 3
FOCUS = 2.0  # how far a kind's odds lean towards its own movies
DAY = 86_400
LEAST = 20  # ratings of a user: GroupLens leaves out those with fewer
MOST = 4  # a user rates at most one in so many of the movies
RECENT_SHARE, RECENT = 0.25, 2 * YEAR  # of a user's ratings are for what came out so lately
TAGGERS = 0.06  # of the users
TAGS_FOR_A_RATING = 4  # at most: the words of a genre
ROWS_AT_A_TIME = 400_000
LEVELS = text([f"{half / 2:.1f}" for half in range(1, 11)])
TAG_WORDS = text([word.lower() for words in GENRES.values() for word in words.split()])

Advance = Callable[[int], object]


@dataclass(frozen=True)
class Release:
    """How much of what; `rated` of the `movies` have ratings. Times in Unix seconds, no rating at
    or after `end`.
    """

    users: int
    movies: int
    rated: int
    ratings: int
    tags: int
    start: int
    end: int

    def share(self, share: float) -> "Release":
        """That share of users, ratings and tags; its square root of movies, as smaller releases
        have more for a rating.
        """
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share}: expected more than 0, at most 1")
        scaled = {name: round(getattr(self, name) * share) for name in ("users", "ratings", "tags")}
        return replace(
            self,
            **scaled,
            **{name: round(getattr(self, name) * share**0.5) for name in ("movies", "rated")},
        )


#: As their READMEs give them: 1995-01-09 to 2015-03-31, and to 2023-10-12.
RELEASES = {
    "ml-20m": Release(138_493, 27_278, 26_744, 20_000_263, 465_564, 789_609_600, 1_427_846_400),
    "ml-32m": Release(200_948, 87_585, 84_432, 32_000_204, 2_000_072, 789_609_600, 1_697_155_200),
}


@dataclass(frozen=True)
class Sessions:
    """One entry a session, in the order of users and times: its first of all rows, and how many
    rows.
    """

    user: np.ndarray
    start: np.ndarray
    first: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Users:
    """One entry a user: what they like, how kindly they rate, and how many ratings and tags they
    give.
    """

    kinds: np.ndarray  # (users, KINDS_OF_A_USER)
    taste: np.ndarray
    bias: np.ndarray
    ratings: np.ndarray
    tags: np.ndarray


@dataclass(frozen=True)
class Shelf:
    """The rated movies by date of release, and each kind of taste's odds over them.

    `below[k, m]` is the chance that kind k takes one of the first m movies; `flat` is the same
    without its first column, each kind's a whole number above the one before, for one search among
    all.
    """

    release: np.ndarray
    below: np.ndarray
    flat: np.ndarray


@dataclass(frozen=True)
class Finds:
    """Which rows are the first find of which movie (a place on the shelf), by row: so every rated
    movie is.
    """

    row: np.ndarray
    movie: np.ndarray


@dataclass(frozen=True)
class World:
    """All that is drawn before the first rating."""

    movies: Movies
    users: Users
    sessions: Sessions
    shelf: Shelf
    finds: Finds


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
    world = _world(rng, release)
    out.mkdir(parents=True, exist_ok=True)
    _write_movies(rng, out, world.movies)
    with (out / "ratings.csv").open("wb") as ratings, (out / "tags.csv").open("wb") as tags:
        ratings.write(f"userId,movieId,rating,timestamp{CRLF}".encode())
        tags.write(f"userId,movieId,tag,timestamp{CRLF}".encode())
        for events in _events(rng, release, world):
            _write_ratings(ratings, events)
            _write_tags(rng, tags, events, world, release.end)
            advance(len(events))


def _world(rng: np.random.Generator, release: Release) -> World:
    counts = LEAST + shares(
        rng.lognormal(0, 1.38, release.users),
        release.ratings - LEAST * release.users,
        least=0,
        most=release.rated // MOST - LEAST,
    )
    sessions = _sessions(rng, release, counts)
    movies, finds = _movies(rng, release, sessions)
    tilts = rng.normal(size=(KINDS, FACTORS))
    users = _users(rng, release, counts, tilts)
    shelf = _shelf(movies, release.rated, tilts)
    return World(movies, users, sessions, shelf, finds)


def _sessions(rng: np.random.Generator, release: Release, counts: np.ndarray) -> Sessions:
    """Two in five users come once; the others again over months, half of their ratings in the first
    session.
    """
    users = release.users
    join = rng.integers(release.start, release.end - 2 * DAY, users)
    leave = np.minimum(
        join + (rng.exponential(600, users) * DAY).astype(np.int64), release.end - DAY
    )
    several = 1 + np.where(
        rng.random(users) < 0.4, 0, np.minimum(rng.geometric(1 / 6, users), counts // 5)
    )
    user = np.repeat(np.arange(users), several)
    first = np.cumsum(several) - several
    weight = rng.exponential(size=len(user))
    weight[first] += several
    rows = (weight / np.bincount(user, weight)[user] * counts[user]).astype(np.int64)
    rows[first] += counts - np.bincount(user, rows, users).astype(np.int64)
    start = join[user] + (rng.random(len(user)) * (leave - join)[user]).astype(np.int64)
    start[first] = join
    order = np.lexsort((start, user))
    rows = rows[order]
    return Sessions(user[order], start[order], np.cumsum(rows) - rows, rows)


def _movies(rng: np.random.Generator, release: Release, sessions: Sessions) -> tuple[Movies, Finds]:
    """All movies, the rated ones first and by date of release. A movie is out before its first
    find; ids grow with finds.
    """
    row = rng.choice(release.ratings, release.movies, replace=False)
    found = sessions.start[np.searchsorted(sessions.first, row, side="right") - 1]
    age = np.where(
        rng.random(release.movies) < 0.3,
        rng.exponential(0.3, release.movies),
        rng.exponential(15, release.movies),
    )
    out = found - (age.clip(0, 90) * YEAR).astype(np.int64)
    order = np.concatenate(
        [np.argsort(out[: release.rated], kind="stable"), np.arange(release.rated, release.movies)]
    )
    ids = np.empty(release.movies, np.int64)
    ids[np.argsort(found[order], kind="stable")] = np.cumsum(rng.geometric(0.25, release.movies))
    rated = order[: release.rated]
    by_row = np.argsort(row[rated])
    return _described(rng, ids, out[order]), Finds(row[rated][by_row], by_row)


def _described(rng: np.random.Generator, ids: np.ndarray, release: np.ndarray) -> Movies:
    count = len(ids)
    main, second, blend, quality = characters(rng, count, FACTORS)
    rank = np.argsort(np.argsort(-(quality + rng.normal(size=count))))
    return Movies(
        ids=ids,
        main=main,
        second=second,
        taste=(blend + 0.5 * rng.normal(size=(count, FACTORS))) / np.sqrt(FACTORS),
        quality=quality,
        popularity=np.exp(-15 * np.sqrt(rank / count)),
        release=release,
    )


def _users(
    rng: np.random.Generator, release: Release, counts: np.ndarray, tilts: np.ndarray
) -> Users:
    users = release.users
    kinds = rng.integers(0, KINDS, (users, KINDS_OF_A_USER))
    tags = np.zeros(users, np.int64)
    taggers = rng.permutation(users)[: max(round(users * TAGGERS), 1)]
    tags[taggers] = shares(
        counts[taggers] * rng.lognormal(0, 1.5, len(taggers)),
        release.tags,
        least=0,
        most=TAGS_FOR_A_RATING * counts[taggers],
    )
    return Users(
        kinds=kinds,
        taste=tilts[kinds].mean(axis=1) + 0.5 * rng.normal(size=(users, FACTORS)),
        bias=rng.normal(0, 0.4, users),
        ratings=counts,
        tags=tags,
    )


def _shelf(movies: Movies, rated: int, tilts: np.ndarray) -> Shelf:
    lean = np.einsum("kf,mf->km", tilts, movies.taste[:rated])
    below = np.cumsum(movies.popularity[:rated] * np.exp(FOCUS * lean), axis=1)
    below /= below[:, -1:]
    flat = (below + np.arange(KINDS)[:, None]).ravel()
    return Shelf(
        movies.release[:rated], np.concatenate([np.zeros((KINDS, 1)), below], axis=1), flat
    )


def _write_movies(rng: np.random.Generator, out: Path, movies: Movies) -> None:
    order = np.argsort(movies.ids)
    listed = Movies(**{name: getattr(movies, name)[order] for name in Movies.__dataclass_fields__})
    rows = zip(listed.ids.tolist(), titles(rng, listed), genres(rng, listed), strict=True)
    write_csv(out / "movies.csv", "movieId,title,genres", rows)
    write_csv(out / "links.csv", "movieId,imdbId,tmdbId", links(rng, listed))


def _events(rng: np.random.Generator, release: Release, world: World) -> Iterator[np.ndarray]:
    """Ratings of some users at a time, by user and movie id: a record array; `place` is the movie's
    on the shelf.
    """
    sessions, finds = world.sessions, world.finds
    ends = np.cumsum(world.users.ratings)
    last = 0
    while last < release.users:
        first = last
        before = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, before + ROWS_AT_A_TIME, side="right")), first + 1)
        block = slice(*np.searchsorted(sessions.user, (first, last)))
        session = np.repeat(np.arange(block.start, block.stop), sessions.rows[block])
        user = sessions.user[session]
        known = slice(*np.searchsorted(finds.row, (before, int(ends[last - 1]))))
        found = Finds(finds.row[known] - before, finds.movie[known])
        place = _watched(rng, world, user, sessions.start[session], found)
        events = _rated(rng, world, user, place, _times(rng, sessions, block))
        events["timestamp"] = np.minimum(events["timestamp"], release.end - 1)
        yield events


def _watched(
    rng: np.random.Generator, world: World, user: np.ndarray, when: np.ndarray, found: Finds
) -> np.ndarray:
    """Each row's movie, none twice for a user: drawn, and what came twice drawn again; in the end
    from all that is out.
    """
    shelf, kinds = world.shelf, world.users.kinds
    out = np.searchsorted(shelf.release, when, side="right")
    recent = np.searchsorted(shelf.release, when - RECENT, side="right")
    movie = _draw(rng, kinds[user], out, recent, shelf)
    movie[found.row] = found.movie
    rows, tries = np.arange(len(user)), 0
    while True:
        key = user[rows] * len(shelf.release) + movie[rows]
        order = np.argsort(key, kind="stable")
        again = rows[order[1:][np.diff(key[order]) == 0]]
        if not len(again):
            return movie
        tries += 1
        if tries < 6:
            movie[again] = _draw(rng, kinds[user[again]], out[again], recent[again], shelf)
        else:
            movie[again] = (rng.random(len(again)) * out[again]).astype(np.int64)
        unsettled = np.zeros(user[-1] - user[0] + 1, np.bool_)
        unsettled[user[again] - user[0]] = True
        rows = rows[unsettled[user[rows] - user[0]]]


def _draw(
    rng: np.random.Generator, kinds: np.ndarray, out: np.ndarray, recent: np.ndarray, shelf: Shelf
) -> np.ndarray:
    """One movie a row, of those out, by the odds of one of the user's kinds of taste."""
    rows = len(out)
    kind = kinds[np.arange(rows), np.minimum(rng.geometric(0.5, rows) - 1, KINDS_OF_A_USER - 1)]
    lately = (rng.random(rows) < RECENT_SHARE) & (recent < out)
    low = shelf.below[kind, np.where(lately, recent, 0)]
    odds = low + rng.random(rows) * (shelf.below[kind, out] - low)
    place = np.searchsorted(shelf.flat, kind + odds, side="right") - kind * len(shelf.release)
    return np.clip(place, 0, out - 1)


def _times(rng: np.random.Generator, sessions: Sessions, block: slice) -> np.ndarray:
    """A quarter of a minute between two ratings of a session."""
    rows = sessions.rows[block]
    since = np.cumsum(rng.exponential(15, int(rows.sum())))
    first = np.repeat(since[np.minimum(np.cumsum(rows) - rows, len(since) - 1)], rows)
    return np.repeat(sessions.start[block], rows) + (since - first).astype(np.int64)


def _rated(
    rng: np.random.Generator, world: World, user: np.ndarray, place: np.ndarray, times: np.ndarray
) -> np.ndarray:
    movies, users = world.movies, world.users
    affinity = np.einsum("ij,ij->i", users.taste[user], movies.taste[place])
    value = (
        3.3
        + users.bias[user]
        + movies.quality[place]
        + 0.35 * affinity
        + rng.normal(0, 0.7, len(user))
    )
    layout = np.dtype(
        [
            ("user", "i8"),
            ("movie", "i8"),
            ("half_stars", "i8"),
            ("timestamp", "i8"),
            ("place", "i8"),
        ]
    )
    events = np.empty(len(user), layout)
    events["user"], events["movie"], events["place"] = user + 1, movies.ids[place], place
    events["half_stars"] = np.clip(np.round(value * 2), 1, 10)
    events["timestamp"] = times
    return events[np.argsort(user * (int(movies.ids.max()) + 1) + events["movie"])]


def _write_ratings(file: BinaryIO, events: np.ndarray) -> None:
    columns = [
        number(events["user"]),
        number(events["movie"]),
        LEVELS[events["half_stars"] - 1],
        number(events["timestamp"]),
    ]
    file.write(rows_of(columns, ",", CRLF))


def _write_tags(
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
