"""The ratings that a fit may see, as a handle: each recipe reads them in its own way."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

from recsys.features.interactions import Interactions
from recsys.features.row_hashes import RowHashes


@dataclass(frozen=True)
class Extent:
    """How much a fit may see: counts, and the epoch seconds of the first and last rating (0 where
    there is none). Movies that nobody rated are counted too.
    """

    n_ratings: int
    n_users: int
    n_movies: int
    oldest: int
    newest: int


class Train(ABC):
    """The ratings that a fit may see, wherever they lie. A rating from `like_threshold` on is a
    like.
    """

    like_threshold: float

    @abstractmethod
    def interactions(self) -> Interactions:
        """Read all of them into this process."""

    @abstractmethod
    def extent(self) -> Extent:
        """Return how much there is, without reading it all into this process."""

    @abstractmethod
    def ratings_digest(self) -> str:
        """Return a hex digest of the ratings, whatever their order: equal data, equal digest."""

    def read_ahead(self) -> None:  # noqa: B027 - only some have to
        """Prepare for a fit that is sure to be made, so that nothing is read twice."""

    def fingerprint(self) -> str:
        """Return a hex digest of everything a fit can see here."""
        parts = f"{self.ratings_digest()} {self.like_threshold:g}"
        return hashlib.sha256(parts.encode()).hexdigest()


@dataclass(frozen=True)
class Loaded(Train):
    """Ratings that are in this process already."""

    ratings: Interactions
    like_threshold: float

    def interactions(self) -> Interactions:
        return self.ratings

    def extent(self) -> Extent:
        return extent_of(self.ratings)

    def ratings_digest(self) -> str:
        return RowHashes.of(self.ratings).digest


def extent_of(ratings: Interactions) -> Extent:
    """Return how much there is of ratings in this process."""
    n_users, n_movies = ratings.shape
    oldest = int(ratings.rated_at.min()) if len(ratings) else 0
    return Extent(len(ratings), n_users, n_movies, oldest, ratings.newest)
