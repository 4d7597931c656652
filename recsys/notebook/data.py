"""Ratings with the movies that they are of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from recsys.dataset import read_catalogue, read_ratings
from recsys.errors import ModelError
from recsys.evaluation.split import Exam, split_newest
from recsys.features.catalogue import Catalogue, Description, Links
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded

LIKE_THRESHOLD = 4.0


@dataclass(frozen=True)
class Dataset:
    """`ratings` over the movies of `catalogue`. A rating from `like_threshold` stars on is a like.

    Raises ModelError where ratings and catalogue are not over the same movies.
    """

    ratings: Interactions
    catalogue: Catalogue
    like_threshold: float = LIKE_THRESHOLD

    def __post_init__(self) -> None:
        if not np.array_equal(self.ratings.movie_ids, self.catalogue.movie_ids):
            raise ModelError(
                f"the ratings are over {len(self.ratings.movie_ids):,} movies and the catalogue "
                f"has {len(self.catalogue):,}: expected the same ids (Interactions.of takes "
                "movie_ids=catalogue.movie_ids)"
            )

    @classmethod
    def of_titles(cls, ratings: Interactions, titles: Mapping[int, str]) -> Self:
        """Return ratings over movies of which no more than the title is at hand, or not even that:
        movie id → title.
        """
        movie_ids = ratings.movie_ids
        nobody = Links.of_pairs(movie_ids, [])
        movies = [Description(titles.get(movie_id, "")) for movie_id in movie_ids.tolist()]
        return cls(ratings, Catalogue.of(movie_ids, movies, nobody, nobody))

    def __str__(self) -> str:
        n_users, n_movies = self.ratings.shape
        return f"{len(self.ratings):,} ratings by {n_users:,} users of {n_movies:,} movies"

    @property
    def train(self) -> Loaded:
        """Return the ratings as a fit takes them."""
        return Loaded(self.ratings, self.like_threshold)

    def position(self, movie_id: int) -> int:
        """Return a movie's place in the catalogue. Raises ModelError without such a movie."""
        place = int(np.searchsorted(self.catalogue.movie_ids, movie_id))
        if place < len(self.catalogue) and self.catalogue.movie_ids[place] == movie_id:
            return place
        raise ModelError(
            f"no movie {movie_id} among the {len(self.catalogue):,} of the catalogue: expected "
            "one of data.catalogue.movie_ids (data.search finds ids by title)"
        )

    def title(self, movie_id: int) -> str:
        """Return a movie's title. Raises ModelError without such a movie."""
        return self.catalogue.titles[self.position(movie_id)]

    def search(self, words: str) -> dict[int, str]:
        """Return id → title of the movies whose titles have the words, in any case."""
        titles = zip(self.catalogue.movie_ids.tolist(), self.catalogue.titles, strict=True)
        return {movie_id: title for movie_id, title in titles if words.lower() in title.lower()}

    def exam(self, share: float = 0.1) -> Exam:
        """Return the split by time: the newest `share` of all ratings is held out, the rest is what
        a fit may see.
        """
        return split_newest(self.ratings, share, self.like_threshold)


def read_movielens(
    path: Path | str, *, imdb: Path | str | None = None, like_threshold: float = LIKE_THRESHOLD
) -> Dataset:
    """Return a MovieLens release: a folder or an archive, in any layout that a drop may have.

    `imdb`: a folder of IMDb's files, for directors, actors and runtimes. Raises DropError for files
    of no layout, and for a row that is none.
    """
    place = Path(path).expanduser()
    catalogue = read_catalogue(place, Path(imdb).expanduser() if imdb else None)
    ratings = read_ratings(place).over(catalogue.movie_ids)
    return Dataset(ratings, catalogue, like_threshold)
