"""The ratings of a whole MovieLens release, drawn some users at a time: what is out by a session's
time, by the odds of the user's kinds of taste.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stack.datasets.release_world import KINDS_OF_A_USER, Finds, Release, Sessions, World
from stack.datasets.world import YEAR

RECENT_SHARE, RECENT = 0.25, 2 * YEAR  # of a user's ratings are for what came out so lately
ROWS_AT_A_TIME = 400_000


EVENT = np.dtype([(name, "i8") for name in ("user", "movie", "half_stars", "timestamp", "place")])


@dataclass(frozen=True)
class Tags:
    """One entry a tag; `word` is a place among all words of all genres."""

    user: np.ndarray
    movie: np.ndarray
    word: np.ndarray
    when: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Some users' ratings before they have a movie, one entry each: who, and which movies on the
    shelf are out by then, which of them not lately.
    """

    user: np.ndarray
    out: np.ndarray
    recent: np.ndarray

    def at(self, rows: np.ndarray) -> "Rows":
        return Rows(self.user[rows], self.out[rows], self.recent[rows])


def draw_events(rng: np.random.Generator, release: Release, world: World) -> Iterator[np.ndarray]:
    """Yield ratings of some users at a time, by user and movie id: a record array; `place` is the
    movie's on the shelf.
    """
    for first, last in blocks_of_users(world.users.ratings):
        block = slice(*np.searchsorted(world.sessions.user, (first, last)))
        user, when = rows_of_sessions(world.sessions, block)
        finds = finds_of(world, first, last)
        place = draw_watched(rng, world, user, when, finds)
        times = draw_times(rng, world.sessions, block)
        events = rate(rng, world, user, place)
        events["timestamp"] = np.minimum(times, release.end - 1)
        yield events[np.argsort(user * (int(world.movies.ids.max()) + 1) + events["movie"])]


def blocks_of_users(n_ratings: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first user of each block and the one after its last: at least one, and no more than
    ROWS_AT_A_TIME ratings otherwise.
    """
    ends = np.cumsum(n_ratings)
    last = 0
    while last < len(ends):
        first = last
        before = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, before + ROWS_AT_A_TIME, side="right")), first + 1)
        yield first, last


def rows_of_sessions(sessions: Sessions, block: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return the user of each rating of the block's sessions, and when the session began."""
    session = np.repeat(np.arange(block.start, block.stop), sessions.rows[block])
    return sessions.user[session], sessions.start[session]


def finds_of(world: World, first: int, last: int) -> Finds:
    """Return the first finds that a block of users make, their rows counted from the block's."""
    ends = np.cumsum(world.users.ratings)
    before = int(ends[first - 1]) if first else 0
    block = slice(*np.searchsorted(world.finds.row, (before, int(ends[last - 1]))))
    return Finds(world.finds.row[block] - before, world.finds.movie[block])


def draw_watched(
    rng: np.random.Generator, world: World, user: np.ndarray, when: np.ndarray, finds: Finds
) -> np.ndarray:
    """Return each row's movie, none twice for a user: drawn, and what came twice drawn again; in
    the end from all that is out.
    """
    release = world.shelf.release
    rows = Rows(
        user,
        out=np.searchsorted(release, when, side="right"),
        recent=np.searchsorted(release, when - RECENT, side="right"),
    )
    movie = draw_once(rng, world, rows)
    movie[finds.row] = finds.movie
    unsettled, n_tries = np.arange(len(user)), 0
    while len(again := repeated(user[unsettled], movie[unsettled], unsettled)):
        n_tries += 1
        if n_tries < 6:
            movie[again] = draw_once(rng, world, rows.at(again))
        else:
            movie[again] = (rng.random(len(again)) * rows.out[again]).astype(np.int64)
        unsettled = unsettled[np.isin(user[unsettled], user[again])]
    return movie


def repeated(user: np.ndarray, movie: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows whose user has the movie in an earlier row."""
    key = user * (int(movie.max(initial=0)) + 1) + movie
    order = np.argsort(key, kind="stable")
    return rows[order[1:][np.diff(key[order]) == 0]]


def draw_once(rng: np.random.Generator, world: World, rows: Rows) -> np.ndarray:
    """Return one movie a row, of those out, by the odds of one of the user's kinds of taste."""
    shelf, n = world.shelf, len(rows.user)
    nth = np.minimum(rng.geometric(0.5, n) - 1, KINDS_OF_A_USER - 1)
    kind = world.users.kinds[rows.user, nth]
    lately = (rng.random(n) < RECENT_SHARE) & (rows.recent < rows.out)
    low = shelf.below[kind, np.where(lately, rows.recent, 0)]
    odds = low + rng.random(n) * (shelf.below[kind, rows.out] - low)
    place = np.searchsorted(shelf.flat, kind + odds, side="right") - kind * len(shelf.release)
    return np.clip(place, 0, rows.out - 1)


def draw_times(rng: np.random.Generator, sessions: Sessions, block: slice) -> np.ndarray:
    """Return each rating's time: a quarter of a minute between two of a session."""
    rows = sessions.rows[block]
    since = np.cumsum(rng.exponential(15, int(rows.sum())))
    first = np.repeat(since[np.minimum(np.cumsum(rows) - rows, len(since) - 1)], rows)
    return np.repeat(sessions.start[block], rows) + (since - first).astype(np.int64)


def rate(rng: np.random.Generator, world: World, user: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the events of users and their movies, without times."""
    movies, users = world.movies, world.users
    affinity = np.einsum("ij,ij->i", users.taste[user], movies.taste[place])
    noise = rng.normal(0, 0.7, len(user))
    value = 3.3 + users.bias[user] + movies.quality[place] + 0.35 * affinity + noise
    events = np.empty(len(user), EVENT)
    events["user"], events["movie"], events["place"] = user + 1, movies.ids[place], place
    events["half_stars"] = np.clip(np.round(value * 2), 1, 10)
    return events


def draw_tags(rng: np.random.Generator, events: np.ndarray, world: World, end: int) -> Tags:
    """Return words of the movies' main genre, minutes after the rating; round a user's movies, at
    each round another word.
    """
    block = slice(events["user"][0] - 1, events["user"][-1])
    counts, ratings = world.users.tags[block], world.users.ratings[block]
    user = np.repeat(np.arange(len(counts)), counts)
    if not len(user):
        return Tags(user, user, user, user)
    turn = np.arange(len(user)) - (np.cumsum(counts) - counts)[user]
    turn += rng.integers(0, ratings)[user]
    tour, nth = np.divmod(turn, ratings[user])
    event = events[(np.cumsum(ratings) - ratings)[user] + nth]
    word = 4 * world.movies.main[event["place"]] + (tour + event["movie"]) % 4
    when = np.minimum(event["timestamp"] + rng.integers(10, 600, len(user)), end - 1)
    return Tags(event["user"], event["movie"], word, when)
