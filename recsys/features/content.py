"""The content of movies as arrays that a network can index: one row a movie, no lists of unequal length."""

from dataclasses import dataclass

import numpy as np

from recsys.features.catalogue import Catalogue, Links

#: People of a movie that are looked at, in billing order.
N_DIRECTORS = 2
N_ACTORS = 6


@dataclass(frozen=True)
class Content:
    """M movies. `dense` (M, F) float32: genres, title vector, year and runtime. `directors` (M, N_DIRECTORS) and `actors`
    (M, N_ACTORS) int64: 1 + position among the `n_directors` or `n_actors` people who made more than one movie, 0 for nobody.
    """

    dense: np.ndarray
    directors: np.ndarray
    actors: np.ndarray
    n_directors: int
    n_actors: int


def encode_content(catalogue: Catalogue, titles: np.ndarray) -> Content:
    """Content of the catalogue with its (M, D) title vectors."""
    directors, n_directors = _people(catalogue.directors, N_DIRECTORS)
    actors, n_actors = _people(catalogue.actors, N_ACTORS)
    dense = np.hstack([_multi_hot(catalogue.genres), titles, _standardised(catalogue.years), _standardised(catalogue.runtimes)])
    return Content(dense.astype(np.float32), directors, actors, n_directors, n_actors)


def _multi_hot(links: Links) -> np.ndarray:
    """(M, V) 1 where the movie has the value, 0 elsewhere."""
    hot = np.zeros((len(links.indptr) - 1, len(links.vocabulary)), dtype=np.float32)
    hot[_rows(links), links.values] = 1
    return hot


def _people(links: Links, width: int) -> tuple[np.ndarray, int]:
    """(M, width) first people of each movie, and how many distinct ones. Who made one movie tells nothing of another."""
    credits = np.bincount(links.values, minlength=len(links.vocabulary))
    number = np.cumsum(credits > 1) * (credits > 1)
    rows = _rows(links)
    place = np.arange(len(rows)) - links.indptr[rows]
    first = place < width
    people = np.zeros((len(links.indptr) - 1, width), dtype=np.int64)
    people[rows[first], place[first]] = number[links.values[first]]
    return people, int((credits > 1).sum())


def _rows(links: Links) -> np.ndarray:
    """The movie of each of `links.values`."""
    return np.repeat(np.arange(len(links.indptr) - 1), np.diff(links.indptr))


def _standardised(numbers: np.ndarray) -> np.ndarray:
    """(M, 2): the number with mean 0 and deviation 1, and 1 where it is known; 0 and 0 where it is not."""
    known = ~np.isnan(numbers)
    scaled = np.zeros(len(numbers))
    if known.any():
        spread = numbers[known].std()
        scaled[known] = (numbers[known] - numbers[known].mean()) / (spread if spread > 0 else 1)
    return np.column_stack([scaled, known])
