"""The content of movies as a matrix: a row a movie, a column a genre, a person, a time, a piece of
title text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import index_of
from recsys.models.hybrid.titles import TitleEncoder, TitleModel

#: What the title encoder's arrays begin with among the content encoder's.
TITLES = "titles."

#: People of a movie that are looked at, in billing order.
N_DIRECTORS = 2
N_ACTORS = 6

#: In deviations from the mean year. More movies are new than old, so the past is longer.
TIMES = np.arange(-4.0, 1.6, 0.5)


@dataclass(frozen=True)
class ContentEncoder:
    """Content to numbers, as it was fitted to a catalogue; a movie described later is encoded in
    the same terms.

    `genres` (G,) str; `directors` and `actors`, ascending ids of those who made more than one
    movie: who made one tells nothing of another. `scales` (2, 2): mean and deviation of years and
    of runtimes.
    """

    genres: np.ndarray
    directors: np.ndarray
    actors: np.ndarray
    scales: np.ndarray
    titles: TitleEncoder

    @classmethod
    def fit(cls, catalogue: Catalogue, source: TitleModel) -> "ContentEncoder":
        """Fit to all movies of a catalogue."""
        return cls(
            genres=catalogue.genres.vocabulary,
            directors=ids_of_several(catalogue.directors),
            actors=ids_of_several(catalogue.actors),
            scales=np.array(
                [mean_and_spread(catalogue.years), mean_and_spread(catalogue.runtimes)]
            ),
            titles=TitleEncoder.fit(catalogue.titles, source),
        )

    def encode(self, catalogue: Catalogue, source: TitleModel) -> sparse.csr_matrix:
        """(M, F) float32 content of movies; a genre or person that the encoder does not know counts
        as none.
        """
        titles = self.titles.encode(catalogue.titles, source)
        dense = np.hstack([self.hot_genres(catalogue.genres), titles, self.numbers(catalogue)])
        directors = people(catalogue.directors, self.directors, N_DIRECTORS)
        actors = people(catalogue.actors, self.actors, N_ACTORS)
        parts = [sparse.csr_matrix(dense), directors, actors]
        return sparse.csr_matrix(sparse.hstack(parts, dtype=np.float32))

    def numbers(self, catalogue: Catalogue) -> np.ndarray:
        """Return (M, n) of years, of times that they are near to, and of runtimes."""
        of_years, of_runtimes = self.scales
        years = scaled(catalogue.years, *of_years)
        return np.hstack([years, near(years), scaled(catalogue.runtimes, *of_runtimes)])

    def hot_genres(self, links: Links) -> np.ndarray:
        """Return (M, G) 1 where a movie is of the genre, else 0."""
        place = {name: column for column, name in enumerate(self.genres)}
        columns = np.array([place.get(name, -1) for name in links.vocabulary], dtype=np.int64)
        hot = np.zeros((len(links.indptr) - 1, len(self.genres) + 1), dtype=np.float32)
        hot[links.rows, columns[links.values]] = 1
        return hot[:, :-1]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays that can be kept without pickle."""
        own = {name: value for name, value in vars(self).items() if name != "titles"}
        return own | {TITLES + name: array for name, array in self.titles.arrays().items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ContentEncoder":
        """Return what `arrays` was taken of."""
        titles = {
            name.removeprefix(TITLES): array
            for name, array in arrays.items()
            if name.startswith(TITLES)
        }
        own = {name: array for name, array in arrays.items() if not name.startswith(TITLES)}
        return cls(**own, titles=TitleEncoder.of_arrays(titles))


def ids_of_several(links: Links) -> np.ndarray:
    """Return the ids, ascending, of those who stand at more than one movie."""
    return np.sort(
        links.vocabulary[np.bincount(links.values, minlength=len(links.vocabulary)) > 1]
    ).astype(np.int64)


def people(links: Links, ids: np.ndarray, width: int) -> sparse.csr_matrix:
    """Return (M, P) 1 where one of the `ids` (P,) is among a movie's first `width` people."""
    columns = index_of(ids, links.vocabulary)[links.values]
    billing = np.arange(len(links.rows)) - links.indptr[links.rows]
    kept = (billing < width) & (columns >= 0)
    cells = links.rows[kept], columns[kept]
    shape = len(links.indptr) - 1, len(ids)
    hot = sparse.csr_matrix((np.ones(len(cells[0]), dtype=np.float32), cells), shape=shape)
    hot.data[:] = 1  # one who stands there twice
    return hot


def mean_and_spread(numbers: np.ndarray) -> tuple[float, float]:
    """Return the mean and the deviation of the numbers that are known; 0 and 1 of none."""
    values = numbers[~np.isnan(numbers)].astype(np.float64)
    if not len(values):
        return 0.0, 1.0
    spread = float(values.std())
    return float(values.mean()), spread if spread > 0 else 1.0


def scaled(numbers: np.ndarray, mean: float, spread: float) -> np.ndarray:
    """(M, 2): the number in deviations from the mean, and 1 where it is known; 0 and 0 where it is
    not.
    """
    is_number = ~np.isnan(numbers)
    return np.column_stack([np.where(is_number, (numbers - mean) / spread, 0), is_number])


def near(scaled_years: np.ndarray) -> np.ndarray:
    """(M, len(TIMES)): how near a movie's year is to each of some times, so that taste may rise and
    fall with the years.
    """
    nearness = np.exp(-(((scaled_years[:, :1] - TIMES) / (TIMES[1] - TIMES[0])) ** 2))
    return nearness * scaled_years[:, 1:]
