"""What is drawn of a whole MovieLens release before its first rating: users, movies, sessions.

Users have a few of many kinds of taste; each kind has its own odds over movies. A tenth of the
movies has most of the ratings: 81% at ml-20m's size, 86% in ml-20m. Users come in sessions.
"""

from dataclasses import dataclass, replace

import numpy as np

from stack.datasets.world import YEAR, Movies, characters, place_by_taste, popularity_ranks, shares

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

    def share(self, share: float) -> "Release":
        """Return that share of users, ratings and tags; its square root of movies, as smaller
        releases have more for a rating.
        """
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share}: expected more than 0, at most 1")
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


def draw_world(rng: np.random.Generator, release: Release) -> World:
    counts = draw_counts(rng, release)
    sessions = draw_sessions(rng, release, counts)
    movies, finds = draw_movies(rng, release, sessions)
    tilts = rng.normal(size=(KINDS, FACTORS))
    users = draw_users(rng, release, counts, tilts)
    shelf = stock_shelf(movies, release.rated, tilts)
    return World(movies, users, sessions, shelf, finds)


def draw_counts(rng: np.random.Generator, release: Release) -> np.ndarray:
    """Return how many ratings each user gives."""
    weights = rng.lognormal(0, 1.38, release.users)
    more = release.ratings - LEAST * release.users
    return LEAST + shares(weights, more, least=0, most=release.rated // MOST - LEAST)


def draw_sessions(rng: np.random.Generator, release: Release, counts: np.ndarray) -> Sessions:
    """Return sessions: two in five users come once; the others again over months, half of their
    ratings in the first session.
    """
    join, leave = draw_stays(rng, release)
    comes_once = rng.random(len(counts)) < 0.4
    again = np.minimum(rng.geometric(1 / 6, len(counts)), counts // 5)
    n_sessions = 1 + np.where(comes_once, 0, again)
    user = np.repeat(np.arange(len(counts)), n_sessions)
    first = np.cumsum(n_sessions) - n_sessions
    rows = split_ratings(rng, user, first, counts)
    start = join[user] + (rng.random(len(user)) * (leave - join)[user]).astype(np.int64)
    start[first] = join
    order = np.lexsort((start, user))
    rows = rows[order]
    return Sessions(user[order], start[order], np.cumsum(rows) - rows, rows)


def draw_stays(rng: np.random.Generator, release: Release) -> tuple[np.ndarray, np.ndarray]:
    """Return when users come first, and when they leave."""
    join = rng.integers(release.start, release.end - 2 * DAY, release.users)
    stay = (rng.exponential(600, release.users) * DAY).astype(np.int64)
    return join, np.minimum(join + stay, release.end - DAY)


def split_ratings(
    rng: np.random.Generator, user: np.ndarray, first: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Return how many of its user's ratings each session has; `first` is each user's first one."""
    weight = rng.exponential(size=len(user))
    weight[first] += np.bincount(user)
    rows = (weight / np.bincount(user, weight)[user] * counts[user]).astype(np.int64)
    rows[first] += counts - np.bincount(user, rows, len(counts)).astype(np.int64)
    return rows


def draw_movies(
    rng: np.random.Generator, release: Release, sessions: Sessions
) -> tuple[Movies, Finds]:
    """Return all movies, the rated ones first and by date of release. A movie is out before its
    first find; ids grow with finds.
    """
    row = rng.choice(release.ratings, release.movies, replace=False)
    first_seen = sessions.start[np.searchsorted(sessions.first, row, side="right") - 1]
    out = first_seen - draw_ages(rng, release.movies)
    by_release = np.argsort(out[: release.rated], kind="stable")
    order = np.concatenate([by_release, np.arange(release.rated, release.movies)])
    ids = np.empty(release.movies, np.int64)
    by_find = np.argsort(first_seen[order], kind="stable")
    ids[by_find] = np.cumsum(rng.geometric(0.25, release.movies))
    rows_of_rated = row[by_release]
    by_row = np.argsort(rows_of_rated)
    return describe(rng, ids, out[order]), Finds(rows_of_rated[by_row], by_row)


def draw_ages(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return the seconds from movies' release to their first rating."""
    is_new = rng.random(count) < 0.3
    years = np.where(is_new, rng.exponential(0.3, count), rng.exponential(15, count))
    return (years.clip(0, 90) * YEAR).astype(np.int64)


def describe(rng: np.random.Generator, ids: np.ndarray, release: np.ndarray) -> Movies:
    main, second, blend, quality = characters(rng, len(ids), FACTORS)
    rank = popularity_ranks(rng, quality)
    return Movies(
        ids=ids,
        main=main,
        second=second,
        taste=place_by_taste(rng, blend),
        quality=quality,
        popularity=np.exp(-15 * np.sqrt(rank / len(ids))),
        release=release,
    )


def draw_users(
    rng: np.random.Generator, release: Release, counts: np.ndarray, tilts: np.ndarray
) -> Users:
    kinds = rng.integers(0, KINDS, (release.users, KINDS_OF_A_USER))
    tags = draw_tag_counts(rng, release, counts)
    return Users(
        kinds=kinds,
        taste=tilts[kinds].mean(axis=1) + 0.5 * rng.normal(size=(release.users, FACTORS)),
        bias=rng.normal(0, 0.4, release.users),
        ratings=counts,
        tags=tags,
    )


def draw_tag_counts(rng: np.random.Generator, release: Release, counts: np.ndarray) -> np.ndarray:
    """Return how many tags each user gives: a few users give all."""
    tags = np.zeros(release.users, np.int64)
    taggers = rng.permutation(release.users)[: max(round(release.users * TAGGERS), 1)]
    weights = counts[taggers] * rng.lognormal(0, 1.5, len(taggers))
    most = TAGS_FOR_A_RATING * counts[taggers]
    tags[taggers] = shares(weights, release.tags, least=0, most=most)
    return tags


def stock_shelf(movies: Movies, rated: int, tilts: np.ndarray) -> Shelf:
    lean = np.einsum("kf,mf->km", tilts, movies.taste[:rated])
    below = np.cumsum(movies.popularity[:rated] * np.exp(FOCUS * lean), axis=1)
    below /= below[:, -1:]
    flat = (below + np.arange(KINDS)[:, None]).ravel()
    from_zero = np.concatenate([np.zeros((KINDS, 1)), below], axis=1)
    return Shelf(movies.release[:rated], from_zero, flat)
