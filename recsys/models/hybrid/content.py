"""The content of movies as a matrix: a row a movie, a column a genre, a person, a time, a piece of
title text.
"""

from collections.abc import Iterator, Mapping
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
        """From all movies of a catalogue."""
        return cls(
            genres=catalogue.genres.vocabulary,
            directors=_made_several(catalogue.directors),
            actors=_made_several(catalogue.actors),
            scales=np.array(
                [_mean_and_spread(catalogue.years), _mean_and_spread(catalogue.runtimes)]
            ),
            titles=TitleEncoder.fit(catalogue.titles, source),
        )

    def encode(self, catalogue: Catalogue, source: TitleModel) -> sparse.csr_matrix:
        """(M, F) float32 content of movies; a genre or person that the encoder does not know counts
        as none.
        """
        years, runtimes = (_scaled(numbers, *scale) for numbers, scale in self._numbers(catalogue))
        dense = [
            self._genres(catalogue.genres),
            self.titles.encode(catalogue.titles, source),
            years,
            _near(years),
            runtimes,
        ]
        directors = _people(catalogue.directors, self.directors, N_DIRECTORS)
        actors = _people(catalogue.actors, self.actors, N_ACTORS)
        return sparse.csr_matrix(
            sparse.hstack(
                [sparse.csr_matrix(np.hstack(dense)), directors, actors], dtype=np.float32
            )
        )

    def _numbers(self, catalogue: Catalogue) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return zip((catalogue.years, catalogue.runtimes), self.scales, strict=True)

    def _genres(self, links: Links) -> np.ndarray:
        place = {name: column for column, name in enumerate(self.genres)}
        columns = np.array([place.get(name, -1) for name in links.vocabulary], dtype=np.int64)
        hot = np.zeros((len(links.indptr) - 1, len(self.genres) + 1), dtype=np.float32)
        hot[links.rows, columns[links.values]] = 1
        return hot[:, :-1]

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, as arrays that can be kept without pickle."""
        own = {name: value for name, value in vars(self).items() if name != "titles"}
        return own | {TITLES + name: array for name, array in self.titles.arrays().items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ContentEncoder":
        """What `arrays` gave, back."""
        titles = {
            name.removeprefix(TITLES): array
            for name, array in arrays.items()
            if name.startswith(TITLES)
        }
        own = {name: array for name, array in arrays.items() if not name.startswith(TITLES)}
        return cls(**own, titles=TitleEncoder.of_arrays(titles))


def _made_several(links: Links) -> np.ndarray:
    """Ids, ascending, of those who stand at more than one movie."""
    return np.sort(
        links.vocabulary[np.bincount(links.values, minlength=len(links.vocabulary)) > 1]
    ).astype(np.int64)


def _people(links: Links, ids: np.ndarray, width: int) -> sparse.csr_matrix:
    """Return (M, P) 1 where one of the `ids` (P,) is among a movie's first `width` people."""
    rows = links.rows
    columns = index_of(ids, links.vocabulary)[links.values]
    kept = (np.arange(len(rows)) - links.indptr[rows] < width) & (columns >= 0)
    shape = len(links.indptr) - 1, len(ids)
    hot = sparse.csr_matrix(
        (np.ones(kept.sum(), dtype=np.float32), (rows[kept], columns[kept])), shape=shape
    )
    hot.data[:] = 1  # one who stands there twice
    return hot


def _mean_and_spread(numbers: np.ndarray) -> tuple[float, float]:
    values = numbers[~np.isnan(numbers)].astype(np.float64)
    if not len(values):
        return 0.0, 1.0
    spread = float(values.std())
    return float(values.mean()), spread if spread > 0 else 1.0


def _scaled(numbers: np.ndarray, mean: float, spread: float) -> np.ndarray:
    """(M, 2): the number in deviations from the mean, and 1 where it is known; 0 and 0 where it is
    not.
    """
    is_number = ~np.isnan(numbers)
    return np.column_stack([np.where(is_number, (numbers - mean) / spread, 0), is_number])


def _near(scaled: np.ndarray) -> np.ndarray:
    """(M, len(TIMES)): how near a movie's year is to each of some times, so that taste may rise and
    fall with the years.
    """
    near = np.exp(-(((scaled[:, :1] - TIMES) / (TIMES[1] - TIMES[0])) ** 2))
    return near * scaled[:, 1:]
