"""Movies that nobody has rated: all ratings of a random tenth of ML-1M's movies held out, another
tenth for each seed.
"""

from typing import NamedTuple

import numpy as np

from bench.quality.protocols.base import LIKE_THRESHOLD, ML_1M, ML1MProtocol
from bench.quality.references import reference
from recsys.dataset import read_catalogue
from recsys.evaluation.comparison import paired_bootstrap
from recsys.evaluation.hits import hits_of
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.split import deciding_users
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Loaded
from recsys.models.base import Recommender
from recsys.models.top_n import top_n
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1
K = 10
RESAMPLES = 10_000
PROFILE = reference("genre_profile")


class Split(NamedTuple):
    """`movies` (H,) are the held-out ones' ids, `users` (U,) the ids of those who liked one of them
    and have a training rating.
    """

    training: Interactions
    held_out: Interactions
    movies: np.ndarray
    users: np.ndarray


class NewMovies(ML1MProtocol):
    """Only the held-out movies are ranked, for whoever liked at least one of them and has a
    training rating.

    The genre profile is made of MovieLens' own genres: with IMDb's added where a movie is matched,
    it ranks worse.
    """

    name = "new-movies"
    title = "ML-1M, movies without a rating: a random tenth of them, ranked among themselves"
    metrics = ("NDCG@10", "× genre profile", "interval's lower end")
    split_by_seed = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        split = without(self.interactions, seed)
        train = Loaded(split.training, LIKE_THRESHOLD)
        plain = self.fits.now(PROFILE, train, self.plain_catalogue, seed)
        fitted = plain
        if recipe != PROFILE:
            fitted = self.fits.fitted(recipe, train, self.catalogue, seed)
        figures = compare(ndcg_of(fitted.model, split), ndcg_of(plain.model, split), seed)
        return {**figures, "users": float(len(split.users)), "fit seconds": fitted.seconds}

    @property
    def plain_catalogue(self) -> Catalogue:
        """The movies without IMDb's content."""
        return read_catalogue(self.folder_of(ML_1M[0]), None)


def compare(ours: np.ndarray, theirs: np.ndarray, seed: int) -> dict[str, float]:
    """Return the mean of our users' scores (U,), and how it stands beside the profile's."""
    interval = paired_bootstrap(ours, theirs, resamples=RESAMPLES, seed=seed)
    return {
        "NDCG@10": float(ours.mean()),
        "× genre profile": float(ours.mean() / theirs.mean()),
        "interval's lower end": interval.low,
        "interval's upper end": interval.high,
    }


def without(interactions: Interactions, seed: int) -> Split:
    """Return the split that removes all ratings of a tenth of the rated movies."""
    removed = some_rated_movies(interactions, seed)
    is_held_out = np.isin(interactions.movies, removed)
    return Split(
        interactions.where(~is_held_out),
        interactions.where(is_held_out),
        np.sort(interactions.movie_ids[removed]),
        deciding_users(interactions, is_held_out, interactions.ratings >= LIKE_THRESHOLD),
    )


def some_rated_movies(interactions: Interactions, seed: int) -> np.ndarray:
    """Draw the positions of a tenth of the movies that have a rating."""
    rated = np.unique(interactions.movies)
    n_removed = round(HELD_OUT_SHARE * len(rated))
    return np.random.default_rng(seed).choice(rated, size=n_removed, replace=False)


def ndcg_of(model: Recommender, split: Split) -> np.ndarray:
    """Return (U,) NDCG@10 of the held-out movies ranked among themselves, ties by movie id."""
    likes = split.held_out.ratings >= LIKE_THRESHOLD
    hits, n_relevant = hits_of(lists_of(model, split), split.users, split.held_out, likes)
    return ndcg(hits, n_relevant)


def lists_of(model: Recommender, split: Split) -> np.ndarray:
    """Return (U, K) ids of the best held-out movies, −1 where there are no more."""
    columns = index_of(model.movie_ids_, split.movies)
    lists = np.full((len(split.users), K), -1, dtype=np.int64)
    for rows, block in model.scores(split.users, split.training):
        positions, _ = top_n(block[:, columns], K)
        lists[rows] = np.where(positions >= 0, split.movies[positions], -1)
    return lists
