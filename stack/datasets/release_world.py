"""What is drawn of a whole MovieLens release before its first rating: users, movies, sessions.

Users have a few of many kinds of taste; each kind has its own odds over movies. A tenth of the
movies has most of the ratings: 81% at ml-20m's size, 86% in ml-20m. Users come in sessions.
"""

from dataclasses import dataclass, replace

import numpy as np

from stack.datasets.world import (
    YEAR,
    Characters,
    Movies,
    between,
    check_share,
    draw_mixed,
    shares,
    starts_of,
    whole,
)

FACTORS = 16
KINDS = 64  # of taste
KINDS_OF_A_USER = 3
FOCUS = 2.0  # how far a kind's odds lean towards its own movies
DAY = 86_400
LEAST = 20  # ratings of a user: GroupLens leaves out those with fewer
MOST = 4  # a user rates at most one in so many of the movies
TAGGERS = 0.06  # of the users
TAGS_FOR_A_RATING = 4  # at most: the words of a genre


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

    def check(self) -> None:
        """Raise ValueError where users have too few ratings, or too large a part of all movies."""
        if not LEAST * self.users <= self.ratings <= self.users * self.rated // (2 * MOST):
            raise ValueError(
                f"{self}: expected {LEAST} ratings a user to an eighth of the rated movies"
            )

    def share(self, share: float) -> "Release":
        """Return that share of users, ratings and tags; its square root of movies, as smaller
        releases have more for a rating.
        """
        check_share(share)
        return replace(
            self,
            users=round(self.users * share),
            ratings=round(self.ratings * share),
            tags=round(self.tags * share),
            movies=round(self.movies * share**0.5),
            rated=round(self.rated * share**0.5),
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

    @classmethod
    def in_order(cls, user: np.ndarray, start: np.ndarray, rows: np.ndarray) -> "Sessions":
        """Return sessions by user and time."""
        order = np.lexsort((start, user))
        rows = rows[order]
        return cls(user[order], start[order], starts_of(rows), rows)

    def start_of(self, row: np.ndarray) -> np.ndarray:
        """Return when the sessions of rows begin."""
        return self.start[np.searchsorted(self.first, row, side="right") - 1]

    def of_users(self, first: int, last: int) -> "Sessions":
        """Return those of the users from the first to before the last."""
        block = between(self.user, first, last)
        return Sessions(self.user[block], self.start[block], self.first[block], self.rows[block])


@dataclass(frozen=True)
class Stays:
    """One entry a user: when they come first, and when they leave."""

    join: np.ndarray
    leave: np.ndarray

    def draw_moments(self, rng: np.random.Generator, user: np.ndarray) -> np.ndarray:
        """Return a moment of each user's stay."""
        return self.join[user] + whole(self.length[user] * rng.random(len(user)))

    @property
    def length(self) -> np.ndarray:
        """Return how long each user stays."""
        return self.leave - self.join


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

    def rows_before(self, user: int) -> int:
        """Return how many ratings the users before one give."""
        return int(self.ratings[:user].sum())


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

    def draw(
        self, rng: np.random.Generator, kind: np.ndarray, first: np.ndarray, last: np.ndarray
    ) -> np.ndarray:
        """Return a movie for each kind of taste, from the first to before the last."""
        low = self.below[kind, first]
        odds = low + rng.random(len(kind)) * (self.below[kind, last] - low)
        place = np.searchsorted(self.flat, kind + odds, side="right")
        return np.clip(place - kind * len(self.release), 0, last - 1)


@dataclass(frozen=True)
class Finds:
    """Which rows are the first find of which movie (a place on the shelf), by row: so every rated
    movie is.
    """

    row: np.ndarray
    movie: np.ndarray

    @classmethod
    def by_row(cls, row: np.ndarray) -> "Finds":
        """Return the finds of movies that are first found in these rows."""
        order = np.argsort(row)
        return cls(row[order], order)

    def of_rows(self, first: int, last: int) -> "Finds":
        """Return those in the rows from the first to before the last, counted from the first."""
        block = between(self.row, first, last)
        return Finds(self.row[block] - first, self.movie[block])


@dataclass(frozen=True)
class World:
    """All that is drawn before the first rating."""

    movies: Movies
    users: Users
    sessions: Sessions
    shelf: Shelf
    finds: Finds


def draw_world(rng: np.random.Generator, release: Release) -> World:
    """Draw movies, users and sessions, and who finds which movie."""
    counts = draw_counts(rng, release)
    sessions = draw_sessions(rng, release, counts)
    movies, finds = draw_movies(rng, release, sessions)
    tilts = rng.normal(size=(KINDS, FACTORS))
    users = draw_users(rng, release, counts, tilts)
    return World(movies, users, sessions, stock_shelf(movies, release.rated, tilts), finds)


def draw_counts(rng: np.random.Generator, release: Release) -> np.ndarray:
    """Return how many ratings each user gives."""
    weights = rng.lognormal(0, 1.38, release.users)
    more = release.ratings - LEAST * release.users
    return LEAST + shares(weights, more, least=0, most=release.rated // MOST - LEAST)


def draw_sessions(rng: np.random.Generator, release: Release, counts: np.ndarray) -> Sessions:
    """Return sessions: a user's first begins as they join, the others while they stay."""
    stays = draw_stays(rng, release)
    n_sessions = draw_session_counts(rng, counts)
    user = np.repeat(np.arange(len(counts)), n_sessions)
    first = starts_of(n_sessions)
    rows = split_ratings(rng, user, first, counts)
    start = stays.draw_moments(rng, user)
    start[first] = stays.join
    return Sessions.in_order(user, start, rows)


def draw_session_counts(rng: np.random.Generator, counts: np.ndarray) -> np.ndarray:
    """Return how often users come: two in five once; the others again over months."""
    comes_once = rng.random(len(counts)) < 0.4
    again = np.minimum(rng.geometric(1 / 6, len(counts)), counts // 5)
    return 1 + np.where(comes_once, 0, again)


def draw_stays(rng: np.random.Generator, release: Release) -> Stays:
    """Return when users come first, and when they leave."""
    join = rng.integers(release.start, release.end - 2 * DAY, release.users)
    stay = whole(rng.exponential(600, release.users) * DAY)
    return Stays(join, np.minimum(join + stay, release.end - DAY))


def split_ratings(
    rng: np.random.Generator, user: np.ndarray, first: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Return how many of its user's ratings each session has: about half in the user's `first`."""
    weight = rng.exponential(size=len(user))
    weight[first] += np.bincount(user)
    rows = whole(weight / np.bincount(user, weight)[user] * counts[user])
    rows[first] += counts - whole(np.bincount(user, rows, len(counts)))
    return rows


def draw_movies(
    rng: np.random.Generator, release: Release, sessions: Sessions
) -> tuple[Movies, Finds]:
    """Return all movies, the rated ones first and by date of release. A movie is out before its
    first find; ids grow with finds.
    """
    row = rng.choice(release.ratings, release.movies, replace=False)
    first_seen = sessions.start_of(row)
    out = first_seen - draw_ages(rng, release.movies)
    order = by_release(out, release.rated)
    ids = draw_ids(rng, first_seen[order])
    return describe(rng, ids, out[order]), Finds.by_row(row[order][: release.rated])


def by_release(out: np.ndarray, rated: int) -> np.ndarray:
    """Return the order by release of the first, rated movies, then the others as they are."""
    first = np.argsort(out[:rated], kind="stable")
    return np.concatenate([first, np.arange(rated, len(out))])


def draw_ids(rng: np.random.Generator, first_seen: np.ndarray) -> np.ndarray:
    """Return ids that grow with the time of movies' first rating."""
    ids = np.empty(len(first_seen), np.int64)
    by_find = np.argsort(first_seen, kind="stable")
    ids[by_find] = np.cumsum(rng.geometric(0.25, len(first_seen)))
    return ids


def draw_ages(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return the seconds from movies' release to their first rating."""
    return whole(draw_mixed(rng, count, 0.3, 0.3, 15).clip(0, 90) * YEAR)


def describe(rng: np.random.Generator, ids: np.ndarray, release: np.ndarray) -> Movies:
    """Return movies of these ids and dates."""
    characters = Characters.draw(rng, len(ids), FACTORS)
    ranks = characters.draw_ranks(rng)
    return Movies(
        ids=ids,
        main=characters.main,
        second=characters.second,
        taste=characters.draw_taste(rng),
        quality=characters.quality,
        popularity=np.exp(-15 * np.sqrt(ranks / len(ids))),
        release=release,
    )


def draw_users(
    rng: np.random.Generator, release: Release, counts: np.ndarray, tilts: np.ndarray
) -> Users:
    """Return users, each of some kinds of taste."""
    kinds = rng.integers(0, KINDS, (release.users, KINDS_OF_A_USER))
    tags = draw_tag_counts(rng, release, counts)
    own = rng.normal(size=(release.users, FACTORS))
    return Users(
        kinds=kinds,
        taste=tilts[kinds].mean(axis=1) + 0.5 * own,
        bias=rng.normal(0, 0.4, release.users),
        ratings=counts,
        tags=tags,
    )


def draw_tag_counts(rng: np.random.Generator, release: Release, counts: np.ndarray) -> np.ndarray:
    """Return how many tags each user gives: a few users give all."""
    n_taggers = max(round(release.users * TAGGERS), 1)
    taggers = rng.permutation(release.users)[:n_taggers]
    weights = counts[taggers] * rng.lognormal(0, 1.5, len(taggers))
    tags = np.zeros(release.users, np.int64)
    tags[taggers] = shares(weights, release.tags, least=0, most=TAGS_FOR_A_RATING * counts[taggers])
    return tags


def stock_shelf(movies: Movies, rated: int, tilts: np.ndarray) -> Shelf:
    """Return the rated movies with their odds, each kind's summed from the oldest on."""
    below = np.cumsum(odds_of_kinds(movies, tilts)[:, :rated], axis=1)
    below /= below[:, -1:]
    flat = (below + np.arange(KINDS)[:, None]).ravel()
    nothing = np.zeros((KINDS, 1))
    return Shelf(movies.release[:rated], np.concatenate([nothing, below], axis=1), flat)


def odds_of_kinds(movies: Movies, tilts: np.ndarray) -> np.ndarray:
    """Return kinds × movies: how much each kind of taste leans towards each movie."""
    lean = np.einsum("kf,mf->km", tilts, movies.taste)
    return movies.popularity * np.exp(FOCUS * lean)
