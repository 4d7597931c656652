"""Which movies are alike by what they are: words of the title, genres and people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from recsys.features.catalogue import Catalogue, Links

__all__ = ["ContentSimilarity"]

#: What each part of the content counts: a similarity is the sum of the parts' cosines, each by its
#: share.
TITLES, GENRES, DIRECTORS, ACTORS = 0.3, 0.3, 0.2, 0.2

#: Movies compared with all others at once.
MOVIES_AT_ONCE = 512

#: MovieLens writes the year in brackets at the end of a title: it is no word of it.
YEAR = re.compile(r"\(\d{4}\)\s*$")
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class ContentSimilarity:
    """The content of M movies: a similarity is the product of two rows of `content` (M, F)
    float64, from 0 to 1.
    """

    content: sparse.csr_matrix

    @classmethod
    def of(cls, catalogue: Catalogue) -> Self:
        """Weigh what is rare more, within a part: by the logarithm of how many movies there are for
        each that has it (Spärck Jones 1972).
        """
        titles = Links.of_names([words_of(title) for title in catalogue.titles])
        parts = [
            np.sqrt(TITLES) * unit_rows(titles),
            np.sqrt(GENRES) * unit_rows(catalogue.genres),
            np.sqrt(DIRECTORS) * unit_rows(catalogue.directors),
            np.sqrt(ACTORS) * unit_rows(catalogue.actors),
        ]
        return cls(sparse.csr_matrix(sparse.hstack(parts, format="csr")))

    def blocks(self, movies: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of (rows of `movies` (K,), positions; their similarities (b, M) float32 with
        all movies, −inf with themselves and where there is none).
        """
        others = sparse.csr_matrix(self.content.T)
        for start in range(0, len(movies), MOVIES_AT_ONCE):
            rows = slice(start, min(start + MOVIES_AT_ONCE, len(movies)))
            block = (self.content[movies[rows]] @ others).toarray().astype(np.float32)
            block[np.arange(len(block)), movies[rows]] = 0
            block[block <= 0] = -np.inf
            yield rows, block


def words_of(title: str) -> list[str]:
    """Return the words of a title in lower case, each once; not its year."""
    return sorted(set(WORD.findall(YEAR.sub("", title).lower())))


def unit_rows(links: Links) -> sparse.csr_matrix:
    """Return (M, V) of length 1 each: what a movie has, each by its rarity; 0 for one that has
    nothing.
    """
    n_movies = len(links.indptr) - 1
    counts = np.bincount(links.values, minlength=len(links.vocabulary))
    rarity = np.log((1 + n_movies) / (1 + counts)) + 1
    shape = (n_movies, len(links.vocabulary))
    matrix = sparse.csr_matrix((rarity[links.values], links.values, links.indptr), shape=shape)
    matrix.sum_duplicates()
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sparse.csr_matrix(sparse.diags(inverse) @ matrix)
