"""The ratings of a whole MovieLens release, drawn some users at a time: what is out by a session's
time, by the odds of the user's kinds of taste.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stack.datasets.release_world import KINDS_OF_A_USER, Finds, Release, Sessions, Shelf, World
from stack.datasets.world import YEAR, affinity, minutes_after, places_within, starts_of, whole

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

    @classmethod
    def none(cls) -> "Tags":
        """Return no tag."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, nothing, nothing)


@dataclass(frozen=True)
class Rows:
    """Some users' ratings before they have a movie, one entry each: who, and which movies on the
    shelf are out by then, which of them not lately.
    """

    user: np.ndarray
    out: np.ndarray
    recent: np.ndarray

    @classmethod
    def of(cls, sessions: Sessions, shelf: Shelf) -> "Rows":
        """Return a row for each rating of the sessions."""
        when = np.repeat(sessions.start, sessions.rows)
        return cls(
            user=np.repeat(sessions.user, sessions.rows),
            out=np.searchsorted(shelf.release, when, side="right"),
            recent=np.searchsorted(shelf.release, when - RECENT, side="right"),
        )

    def __len__(self) -> int:
        return len(self.user)

    def at(self, rows: np.ndarray) -> "Rows":
        """Return some of them."""
        return Rows(self.user[rows], self.out[rows], self.recent[rows])

    def draw_oldest(self, rng: np.random.Generator) -> np.ndarray:
        """Return the oldest movie that each may be for: some are for what came out lately."""
        lately = (rng.random(len(self)) < RECENT_SHARE) & (self.recent < self.out)
        return np.where(lately, self.recent, 0)

    def draw_any(self, rng: np.random.Generator) -> np.ndarray:
        """Return a movie for each from all that is out."""
        return whole(rng.random(len(self)) * self.out)


def draw_events(rng: np.random.Generator, release: Release, world: World) -> Iterator[np.ndarray]:
    """Yield ratings of some users at a time, by user and movie id: a record array; `place` is the
    movie's on the shelf.
    """
    ids_to = int(world.movies.ids.max()) + 1
    for first, last in blocks_of_users(world.users.ratings):
        events = draw_block(rng, world, first, last)
        events["timestamp"] = np.minimum(events["timestamp"], release.end - 1)
        yield events[np.argsort((events["user"] - 1) * ids_to + events["movie"])]


def draw_block(rng: np.random.Generator, world: World, first: int, last: int) -> np.ndarray:
    """Return the ratings of some users, in no order, their times up to where they end."""
    sessions = world.sessions.of_users(first, last)
    rows = Rows.of(sessions, world.shelf)
    place = draw_watched(rng, world, rows, finds_of(world, first, last))
    times = draw_times(rng, sessions)
    events = rate(rng, world, rows.user, place)
    events["timestamp"] = times
    return events


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


def finds_of(world: World, first: int, last: int) -> Finds:
    """Return the first finds that a block of users make, their rows counted from the block's."""
    return world.finds.of_rows(world.users.rows_before(first), world.users.rows_before(last))


def draw_watched(rng: np.random.Generator, world: World, rows: Rows, finds: Finds) -> np.ndarray:
    """Return each row's movie, none twice for a user: drawn, and what came twice drawn again."""
    user = rows.user
    movie = draw_once(rng, world, rows)
    movie[finds.row] = finds.movie
    unsettled = np.arange(len(rows))
    n_tries = 0
    while len(again := repeated(user[unsettled], movie[unsettled], unsettled)):
        n_tries += 1
        movie[again] = draw_again(rng, world, rows.at(again), n_tries)
        unsettled = unsettled[np.isin(user[unsettled], user[again])]
    return movie


def repeated(user: np.ndarray, movie: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows whose user has the movie in an earlier row."""
    key = user * (int(movie.max(initial=0)) + 1) + movie
    order = np.argsort(key, kind="stable")
    return rows[order[1:][np.diff(key[order]) == 0]]


def draw_again(rng: np.random.Generator, world: World, rows: Rows, n_tries: int) -> np.ndarray:
    """Return other movies, after some tries from all that is out."""
    return draw_once(rng, world, rows) if n_tries < 6 else rows.draw_any(rng)


def draw_once(rng: np.random.Generator, world: World, rows: Rows) -> np.ndarray:
    """Return one movie a row, of those out, by the odds of one of the user's kinds of taste."""
    nth = np.minimum(rng.geometric(0.5, len(rows)) - 1, KINDS_OF_A_USER - 1)
    kind = world.users.kinds[rows.user, nth]
    return world.shelf.draw(rng, kind, rows.draw_oldest(rng), rows.out)


def draw_times(rng: np.random.Generator, sessions: Sessions) -> np.ndarray:
    """Return each rating's time: a quarter of a minute between two of a session."""
    rows = sessions.rows
    since = np.cumsum(rng.exponential(15, int(rows.sum())))
    first = np.repeat(since[np.minimum(starts_of(rows), len(since) - 1)], rows)
    return np.repeat(sessions.start, rows) + whole(since - first)


def rate(rng: np.random.Generator, world: World, user: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the events of users and their movies, without times."""
    events = np.empty(len(user), EVENT)
    events["user"] = user + 1
    events["movie"] = world.movies.ids[place]
    events["place"] = place
    events["half_stars"] = draw_half_stars(rng, world, user, place)
    return events


def draw_half_stars(
    rng: np.random.Generator, world: World, user: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Return how many half stars users give movies."""
    movies, users = world.movies, world.users
    liking = affinity(users.taste[user], movies.taste[place])
    noise = rng.normal(0, 0.7, len(user))
    leaning = 3.3 + users.bias[user] + movies.quality[place]
    return np.clip(np.round((leaning + 0.35 * liking + noise) * 2), 1, 10)


def draw_tags(rng: np.random.Generator, events: np.ndarray, world: World, end: int) -> Tags:
    """Return words of the movies' main genre, minutes after the rating."""
    users = slice(events["user"][0] - 1, events["user"][-1])
    counts = world.users.tags[users]
    if not counts.any():
        return Tags.none()
    row, tour = draw_tagged(rng, counts, world.users.ratings[users])
    event = events[row]
    when = minutes_after(rng, event["timestamp"], end)
    return Tags(event["user"], event["movie"], words_of(world, event, tour), when)


def words_of(world: World, event: np.ndarray, tour: np.ndarray) -> np.ndarray:
    """Return a word of the main genre of each event's movie, at each tour another."""
    return 4 * world.movies.main[event["place"]] + (tour + event["movie"]) % 4


def draw_tagged(
    rng: np.random.Generator, counts: np.ndarray, ratings: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which ratings users tag, `counts` each: from one on round their ratings, at each tour
    with another word. Returns rows and tours.
    """
    user = np.repeat(np.arange(len(counts)), counts)
    turn = places_within(counts) + rng.integers(0, ratings)[user]
    tour, nth = np.divmod(turn, ratings[user])
    return starts_of(ratings)[user] + nth, tour
