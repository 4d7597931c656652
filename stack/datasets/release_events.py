"""The ratings of a whole MovieLens release, drawn some users at a time: what is out by a session's
time, by the odds of the user's kinds of taste.
"""

from collections.abc import Iterator

import numpy as np

from stack.datasets.release_world import KINDS_OF_A_USER, Finds, Release, Sessions, Shelf, World
from stack.datasets.world import YEAR

RECENT_SHARE, RECENT = 0.25, 2 * YEAR  # of a user's ratings are for what came out so lately
ROWS_AT_A_TIME = 400_000


def draw_events(rng: np.random.Generator, release: Release, world: World) -> Iterator[np.ndarray]:
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
        place = draw_watched(rng, world, user, sessions.start[session], found)
        events = rate(rng, world, user, place, draw_times(rng, sessions, block))
        events["timestamp"] = np.minimum(events["timestamp"], release.end - 1)
        yield events


def draw_watched(
    rng: np.random.Generator, world: World, user: np.ndarray, when: np.ndarray, found: Finds
) -> np.ndarray:
    """Each row's movie, none twice for a user: drawn, and what came twice drawn again; in the end
    from all that is out.
    """
    shelf, kinds = world.shelf, world.users.kinds
    out = np.searchsorted(shelf.release, when, side="right")
    recent = np.searchsorted(shelf.release, when - RECENT, side="right")
    movie = draw_once(rng, kinds[user], out, recent, shelf)
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
            movie[again] = draw_once(rng, kinds[user[again]], out[again], recent[again], shelf)
        else:
            movie[again] = (rng.random(len(again)) * out[again]).astype(np.int64)
        unsettled = np.zeros(user[-1] - user[0] + 1, np.bool_)
        unsettled[user[again] - user[0]] = True
        rows = rows[unsettled[user[rows] - user[0]]]


def draw_once(
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


def draw_times(rng: np.random.Generator, sessions: Sessions, block: slice) -> np.ndarray:
    """A quarter of a minute between two ratings of a session."""
    rows = sessions.rows[block]
    since = np.cumsum(rng.exponential(15, int(rows.sum())))
    first = np.repeat(since[np.minimum(np.cumsum(rows) - rows, len(since) - 1)], rows)
    return np.repeat(sessions.start[block], rows) + (since - first).astype(np.int64)


def rate(
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
