"""He et al., "Neural Collaborative Filtering" (WWW 2017): each user's newest rating ranked among 99
movies not rated.
"""

import gzip
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from bench.quality.fits import Fitted
from bench.quality.protocols.base import IMDB, ML_1M, NCF_SPLIT, Protocol, Validates
from recsys.dataset import Ratings, read_catalogue
from recsys.errors import DropError
from recsys.evaluation.holdout import leave_one_out
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Loaded
from recsys.models.base import Recommender
from recsys.recipe import Recipe

K = 10
NEGATIVES = 99
#: Draws after which a negative may be a rated movie: of somebody who rated nearly all.
MAX_DRAWS = 50
#: Stars from which a rating is a positive: all are.
EVERY_RATING = 0.5
COLUMNS = ["user", "item", "rating", "rated_at"]
CSV_OPTIONS = (
    pacsv.ReadOptions(column_names=COLUMNS),
    pacsv.ParseOptions(delimiter="\t"),
    pacsv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.int64())),
)


class Split(NamedTuple):
    """`candidates` (U, C) positions of movies, the held-out one first."""

    train: Interactions
    catalogue: Catalogue
    users: np.ndarray  # (U,) ids
    candidates: np.ndarray


class NCF(Protocol, Validates):
    """Every rating is a positive, whatever its stars. Sampled: good for comparing with papers,
    never for deciding.
    """

    name = "ncf"
    title = "NCF split of ML-1M: held-out movie among 99 given ones"
    metrics = ("HR@10", "NDCG@10")
    needs = (*NCF_SPLIT, ML_1M[1], *IMDB)

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        split = self.split
        train = Loaded(split.train, EVERY_RATING)
        return figures(self.fits.fitted(recipe, train, split.catalogue, seed), split)

    def validate(self, recipe: Recipe, seed: int) -> dict[str, float]:
        """Hold out each user's newest training rating, and rank it among 99 movies drawn from
        those that the user did not rate.
        """
        split = validation_split(self.training, self.catalogue, seed)
        train = Loaded(split.train, EVERY_RATING)
        return figures(self.fits.now(recipe, train, split.catalogue, seed), split)

    @cached_property
    def split(self) -> Split:
        _, test, negatives, _ = (self.data / path for path in NCF_SPLIT)
        users, held_out, *_ = read_columns(test)
        candidates = np.column_stack([held_out, read_negatives(negatives, users, held_out)])
        positions = index_of(self.catalogue.movie_ids, self.movie_of_item[candidates])
        return Split(self.training, self.catalogue, users, positions)

    @cached_property
    def movie_of_item(self) -> np.ndarray:
        """(I,) movieIds."""
        return read_items(self.data / NCF_SPLIT[3])

    @cached_property
    def training(self) -> Interactions:
        return read_training(self.data / NCF_SPLIT[0], self.movie_of_item)

    @cached_property
    def catalogue(self) -> Catalogue:
        return self.catalogue_of(np.sort(self.movie_of_item))

    def catalogue_of(self, movie_ids: np.ndarray) -> Catalogue:
        """Return the catalogue of exactly these movies. Raises DropError where the release lacks
        one.
        """
        folder = self.folder_of(ML_1M[1])
        catalogue = read_catalogue(folder, self.folder_of(IMDB[0]), movie_ids)
        if not np.array_equal(catalogue.movie_ids, movie_ids):
            raise DropError(
                f"{self.data / NCF_SPLIT[3]}: {len(movie_ids):,} movies, of which {folder} has "
                f"{len(catalogue):,}; expected all"
            )
        return catalogue


def figures(fitted: Fitted, split: Split) -> dict[str, float]:
    rank = ranks(candidate_scores(fitted.model, split))
    return {**hits_at(rank, K), "fit seconds": fitted.seconds}


def validation_split(training: Interactions, catalogue: Catalogue, seed: int) -> Split:
    """Return the split that holds out each user's newest rating, among drawn negatives."""
    is_held_out = leave_one_out(training)
    held_out = training.where(is_held_out)
    negatives = draw_unrated(training, held_out.user_ids, seed)
    candidates = np.column_stack([held_out.movies, negatives])
    return Split(training.where(~is_held_out), catalogue, held_out.user_ids, candidates)


def draw_unrated(ratings: Interactions, user_ids: np.ndarray, seed: int) -> np.ndarray:
    """Draw (U, NEGATIVES) positions of movies that each user did not rate; a movie may come
    twice.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(ratings.movie_ids), size=(len(user_ids), NEGATIVES))
    for _ in range(MAX_DRAWS):
        is_rated = ratings.has(np.repeat(user_ids, NEGATIVES), drawn.ravel()).reshape(drawn.shape)
        if not is_rated.any():
            break
        drawn[is_rated] = rng.integers(len(ratings.movie_ids), size=is_rated.sum())
    return drawn


def candidate_scores(model: Recommender, split: Split) -> np.ndarray:
    """(U, C) scores of each user's candidates."""
    scores = np.empty(split.candidates.shape, dtype=np.float32)
    for rows, block in model.scores(split.users, split.train):
        scores[rows] = np.take_along_axis(block, split.candidates[rows], axis=1)
    return scores


def ranks(scores: np.ndarray) -> np.ndarray:
    """(U,) how many candidates stand above the first one of each row (U, C). Ties count for the
    model, as they do in the protocol's own code; a movie to which the model gives no score (−inf)
    comes last.
    """
    above = (scores[:, 1:] > scores[:, :1]).sum(axis=1)
    return np.where(np.isfinite(scores[:, 0]), above, scores.shape[1] - 1)


def hits_at(rank: np.ndarray, k: int) -> dict[str, float]:
    """Hit rate and NDCG of one relevant movie a user, by its rank from 0."""
    gain = np.where(rank < k, 1 / np.log2(rank + 2), 0)
    return {f"HR@{k}": float((rank < k).mean()), f"NDCG@{k}": float(gain.mean())}


def read_items(path: Path) -> np.ndarray:
    """Return (I,) the movieId of each of the split's items, which are numbered from 0."""
    items, movies = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64, ndmin=2).T
    if not np.array_equal(np.sort(items), np.arange(len(items))):
        raise DropError(f"{path}: items are not 0 to {len(items) - 1:,}, each once")
    return movies[np.argsort(items)]


def read_training(path: Path, movie_of_item: np.ndarray) -> Interactions:
    users, items, stars, times = read_columns(path)
    ratings = Ratings(users, movie_of_item[items], stars.astype(np.float32), times)
    return ratings.over(np.sort(movie_of_item))


def read_columns(path: Path) -> list[np.ndarray]:
    """Return user, item, rating, timestamp, each (R,) int64. A time that is not there is the user's
    oldest that is, or 0.
    """
    table = pacsv.read_csv(path, *CSV_OPTIONS)
    user, item, rating, rated_at = (column.to_numpy() for column in table.columns)
    return [user, item, rating, fill(user, rated_at)]


def fill(user: np.ndarray, rated_at: np.ndarray) -> np.ndarray:
    """Return (R,) int64 of times (R,) that may be NaN."""
    is_dated = ~np.isnan(rated_at)
    oldest = np.full(int(user.max()) + 1, np.inf)
    np.minimum.at(oldest, user[is_dated], rated_at[is_dated])
    oldest[np.isinf(oldest)] = 0
    return np.where(is_dated, rated_at, oldest[user]).astype(np.int64)


def read_negatives(path: Path, users: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return (U, 99) items, a line a user as in the test file: `(user,item)` and the items, with
    tabs between.
    """
    with gzip.open(path, "rt") as file:
        lines = [line.split("\t") for line in file if line.strip()]
    pairs = zip(users.tolist(), held_out.tolist(), strict=True)
    if [line[0] for line in lines] != [f"({user},{item})" for user, item in pairs]:
        raise DropError(
            f"{path}: its (user,item) pairs are not those of the test file, line by line"
        )
    return np.array([line[1:] for line in lines], dtype=np.int64)
