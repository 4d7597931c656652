"""Movies that nobody has rated: all ratings of a random tenth of ML-1M's movies held out, another
tenth for each seed.
"""

from typing import NamedTuple

import numpy as np

from bench.quality.files import Ratings, read_catalogue, read_ratings
from bench.quality.protocols.base import IMDB, LIKE_THRESHOLD, ML_1M, Protocol
from bench.quality.references import reference
from recsys.evaluation.comparison import paired_bootstrap
from recsys.evaluation.hits import hits_of
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.split import deciding_users
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Recommender
from recsys.models.top_n import top_n
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1
K = 10
RESAMPLES = 10_000


class Split(NamedTuple):
    """`movies` (H,) are the held-out ones' ids, `users` (U,) the ids of those who liked one of them
    and have a known rating.
    """

    known: Interactions
    held_out: Interactions
    movies: np.ndarray
    users: np.ndarray


class NewMovies(Protocol):
    """Only the held-out movies are ranked, for whoever liked at least one of them and has a known
    rating.

    The genre profile is made of MovieLens' own genres: with IMDb's added where a movie is matched,
    it ranks worse.
    """

    name = "new-movies"
    title = "ML-1M, movies without a rating: a random tenth of them, ranked among themselves"
    metrics = ("NDCG@10", "× genre profile", "interval's lower end")
    needs = (*ML_1M, *IMDB)
    split_by_seed = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        folder = (self.data / ML_1M[0]).parent
        catalogue = read_catalogue(folder, (self.data / IMDB[0]).parent)
        split = without(read_ratings(folder), catalogue.movie_ids, seed)
        profile = reference("genre_profile")
        plain = self.fits.now(profile, split.known, read_catalogue(folder, None), seed)
        fitted = (
            plain if recipe == profile else self.fits.fitted(recipe, split.known, catalogue, seed)
        )
        ours, theirs = ndcg_of(fitted.model, split), ndcg_of(plain.model, split)
        interval = paired_bootstrap(ours, theirs, resamples=RESAMPLES, seed=seed)
        return {
            "NDCG@10": float(ours.mean()),
            "× genre profile": float(ours.mean() / theirs.mean()),
            "interval's lower end": interval.low,
            "interval's upper end": interval.high,
            "users": float(len(split.users)),
            "fit seconds": fitted.seconds,
        }


def without(ratings: Ratings, movie_ids: np.ndarray, seed: int) -> Split:
    """The split that removes all ratings of a tenth of the rated movies."""
    interactions = ratings.over(movie_ids)
    rated = np.unique(interactions.movies)
    removed = np.random.default_rng(seed).choice(
        rated, size=round(HELD_OUT_SHARE * len(rated)), replace=False
    )
    held_out = np.isin(interactions.movies, removed)
    users = deciding_users(interactions, held_out, interactions.ratings >= LIKE_THRESHOLD)
    return Split(
        interactions.where(~held_out),
        interactions.where(held_out),
        np.sort(movie_ids[removed]),
        users,
    )


def ndcg_of(model: Recommender, split: Split) -> np.ndarray:
    """(U,) NDCG@10 of the held-out movies ranked among themselves, ties by movie id."""
    columns = index_of(model.movie_ids_, split.movies)
    lists = np.full((len(split.users), K), -1, dtype=np.int64)
    for rows, block in model.scores(split.users):
        positions, _ = top_n(block[:, columns], K)
        lists[rows] = np.where(positions >= 0, split.movies[positions], -1)
    hits, n_relevant = hits_of(
        lists, split.users, split.held_out, split.held_out.ratings >= LIKE_THRESHOLD
    )
    return ndcg(hits, n_relevant)
