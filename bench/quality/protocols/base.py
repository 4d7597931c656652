"""What every protocol has: the files that it needs, and a measurement of one recipe under one
seed.
"""

from abc import ABC, abstractmethod
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar

from bench.quality.fits import Fits
from recsys.dataset import fingerprint, read_catalogue, read_ratings
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.recipe import Recipe
from stack.downloads import sources_of

ML_1M = ("movielens/ml-1m/ratings.dat", "movielens/ml-1m/movies.dat")
IMDB = tuple(
    f"imdb/{name}.tsv.gz"
    for name in ("title.basics", "title.crew", "title.principals", "name.basics", "title.ratings")
)
NCF_SPLIT = tuple(
    f"benchmarks/ncf-ml-1m/{name}"
    for name in (
        "ml-1m.train.rating.gz",
        "ml-1m.test.rating.gz",
        "ml-1m.test.negative.gz",
        "item_map.csv",
    )
)
ML_20M = ("movielens/ml-20m/ratings.csv", "movielens/ml-20m/movies.csv")

#: Folder in DATA → where its files can be had.
WHERE = {
    **{
        f"movielens/{release}": " or ".join(source.url for source in sources_of(release))
        for release in ("ml-1m", "ml-20m")
    },
    "imdb": "https://datasets.imdbws.com",
    "benchmarks/ncf-ml-1m": "https://github.com/hexiangnan/neural_collaborative_filtering (Data/, "
    "gzipped); "
    "item_map.csv has the movieIds of its items, header ncf_item,movieId: they are numbered as "
    "they first occur in ratings.dat",
    "benchmarks/gowalla": "https://github.com/kuandeng/LightGCN (Data/gowalla: train.txt and "
    "test.txt), as int32 arrays train_user, train_item, test_user, test_item of one npz",
    "benchmarks/ultragcn-ml-1m": "https://github.com/xue-pai/UltraGCN (its ml-1m split), as int32 "
    "arrays train_user, train_item, test_user, test_item of one npz",
}

#: Several protocols read the same files.
ratings_of = cache(read_ratings)

#: A rating from here on is relevant, in every protocol that has likes.
LIKE_THRESHOLD = 4.0


class Protocol(ABC):
    """One way of measuring. `metrics` are the table's, best first by the first; a measurement may
    have more.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[str, ...]]
    lower_is_better: ClassVar[bool] = False
    split_by_seed: ClassVar[bool] = False

    def __init__(self, data: Path, fits: Fits) -> None:
        self.data = data
        self.fits = fits

    @abstractmethod
    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        """Metric → value of the recipe, fitted under the seed."""

    def missing(self) -> list[str]:
        """What is needed and not there."""
        return [path for path in self.needs if not (self.data / path).is_file()]

    def missing_folders(self) -> list[str]:
        """Return the folders of what is missing."""
        return sorted({str(Path(path).parent) for path in self.missing()})

    def folder_of(self, path: str) -> Path:
        """Return the folder of one of the files that are needed."""
        return (self.data / path).parent

    def fingerprint(self) -> str:
        """Hex digest of the files."""
        return fingerprint(tuple(self.data / path for path in self.needs))


class Validates(ABC):
    """A protocol on whose training part settings can be chosen."""

    @abstractmethod
    def validate(self, recipe: Recipe, seed: int) -> dict[str, float]:
        """Metric → value on what is held out of the training part, by the protocol's arithmetic.

        Nothing that the protocol itself holds out is used.
        """


class ML1MProtocol(Protocol):
    """One on ML-1M, whose movies have IMDb's content."""

    needs = (*ML_1M, *IMDB)

    @cached_property
    def catalogue(self) -> Catalogue:
        return read_catalogue(self.folder_of(ML_1M[0]), self.folder_of(IMDB[0]))

    @cached_property
    def interactions(self) -> Interactions:
        """All ratings."""
        return ratings_of(self.folder_of(ML_1M[0])).over(self.catalogue.movie_ids)
