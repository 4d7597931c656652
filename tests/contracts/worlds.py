"""Small worlds in which the right answer is known."""

from dataclasses import dataclass

import numpy as np

from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded

DAY = 86_400


@dataclass(frozen=True)
class World:
    ratings: Interactions
    catalogue: Catalogue

    @property
    def train(self) -> Loaded:
        return train_on(self.ratings)


def train_on(ratings: Interactions) -> Loaded:
    """Hand ratings to a fit, those of four stars and more as likes."""
    return Loaded(ratings, like_threshold=4.0)


def checkerboard(n_users: int = 60, n_movies: int = 20) -> World:
    """User u likes the movies of u's own parity, all but one of them; the last two movies are rated
    by nobody.
    """
    users, movies = np.meshgrid(np.arange(n_users), np.arange(n_movies - 2), indexing="ij")
    hidden = (users // 2) % (n_movies // 2 - 1) == movies // 2
    liked = (users % 2 == movies % 2) & ~hidden
    return _world(users[liked], movies[liked], np.full(liked.sum(), 5.0), n_movies)


def skewed(n_users: int = 60, n_movies: int = 20, *, hated: bool = False) -> World:
    """Movie 0 is liked by nearly everybody, each next one by fewer; the last five users liked movie
    0 alone.

    With `hated`, everybody but those five gives the last movie one star.
    """
    users, movies = np.meshgrid(np.arange(n_users), np.arange(n_movies), indexing="ij")
    liked = ((users * 7) % n_users < n_users * 0.8**movies) | (movies == 0)
    liked[-5:, 1:] = False
    liked[:, -1] &= not hated
    stars = np.where(liked, 5.0, 1.0)
    rated = liked.copy()
    rated[:-5, -1] |= hated
    return _world(users[rated], movies[rated], stars[rated], n_movies)


def crowd(n_users: int = 1_300, n_movies: int = 240) -> tuple[World, Interactions]:
    """The ratings of the first 300 users, and those of all: more than a block of users, with from
    2 to about 100 ratings each.
    """
    rng = np.random.default_rng(20_261)
    lengths = np.minimum(2 + rng.lognormal(2.6, 0.9, n_users).astype(int), 100)
    users = np.repeat(np.arange(n_users), lengths)
    movies = (rng.beta(0.8, 2.0, len(users)) * n_movies).astype(int)
    _, once = np.unique(users * n_movies + movies, return_index=True)
    stars = rng.integers(1, 11, len(users)) / 2
    stars[np.unique(users, return_index=True)[1]] = 5.0
    everyone = _world(users[once], movies[once], stars[once], n_movies)
    ratings = everyone.ratings
    first = ratings.where(ratings.is_of(ratings.user_ids[:300]))
    return World(first, everyone.catalogue), ratings


def _world(users: np.ndarray, movies: np.ndarray, stars: np.ndarray, n_movies: int) -> World:
    movie_ids = np.arange(n_movies, dtype=np.int64) + 100
    rated_at = 1_000_000_000 + (users * 31 + movies * 17) % 97 * DAY
    columns = (users + 1_000, movie_ids[movies], stars, rated_at)
    ratings = Interactions.of(*columns, movie_ids=movie_ids)
    return World(ratings, catalogue_of(movie_ids))


def catalogue_of(movie_ids: np.ndarray) -> Catalogue:
    """Movies of even id are comedies by person 1, those of odd id dramas by person 2; the last year
    and runtime are unknown.
    """
    count = len(movie_ids)
    genres = Links(
        np.arange(count + 1), (movie_ids % 2).astype(np.int32), np.array(["Comedy", "Drama"])
    )
    people = Links(np.arange(count + 1), (movie_ids % 2).astype(np.int32), np.array([1, 2]))
    numbers = np.linspace(80, 120, count).astype(np.float32)
    numbers[-1] = np.nan
    titles = tuple(
        f"{('Laughing', 'Weeping')[number % 2]} part {number} (1999)" for number in movie_ids
    )
    return Catalogue(movie_ids, titles, numbers + 1900, numbers, genres, people, people)
