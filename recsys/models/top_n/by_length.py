"""Movies and users as the search for the best products takes them: scaled to float32, and by
length.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recsys.models.top_n.exact import exponent_of, fixed_point

__all__ = ["MoviesByLength", "UserBlock", "seen_by_place"]

#: The unit roundoff of float32, and half its smallest number: how far off the rounding of something
#: smaller can be.
ROUNDOFF = 2.0**-24
UNDERFLOW = 2.0**-150
LARGEST_EXPONENT = 127


@dataclass(frozen=True)
class MoviesByLength:
    """The m movies to rank, longest vector first. `scale` is a power of two; `vectors` are `exact`
    by it, in float32.
    """

    positions: np.ndarray  # (m,) int64 of M
    exact: np.ndarray  # (M, d) float64 by position, as `dot_scores` takes them
    scale: int
    vectors: np.ndarray  # (m, d) float32, at most 1 in size
    lengths: np.ndarray  # (m,) float64, of `vectors`

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def of(cls, movies: np.ndarray, ranked: np.ndarray) -> "MoviesByLength":
        """Return those of the vectors (M, d) that the mask `ranked` (M,) has."""
        exact = fixed_point(movies)
        positions = np.flatnonzero(ranked)
        scale = exponent_of(exact[positions])
        vectors = np.ldexp(exact[positions], -scale)
        lengths = np.linalg.norm(vectors, axis=1)
        order = np.argsort(-lengths, kind="stable")
        vectors = vectors[order].astype(np.float32)
        return cls(positions[order], exact, int(scale), vectors, lengths[order])

    @cached_property
    def place(self) -> np.ndarray:
        """(M,) int32, where a position is here; m for what is not ranked."""
        places = np.full(len(self.exact), len(self), dtype=np.int32)
        places[self.positions] = np.arange(len(self))
        return places


@dataclass(frozen=True)
class UserBlock:
    """B users, and how far off a product of their float32 vectors with a movie's can be."""

    exact: np.ndarray  # (B, d) float64
    vectors: np.ndarray  # (B, d) float32, each scaled to at most 1 in size
    reach: np.ndarray  # (B,) the most that a product with a movie of length 1 comes to
    slack: np.ndarray  # (B,) twice the error of a product; inf where float32 can't hold it

    def __len__(self) -> int:
        return len(self.exact)

    @classmethod
    def of(cls, users: np.ndarray, movies: MoviesByLength) -> "UserBlock":
        """Scale the vectors (B, d)."""
        exact = fixed_point(users)
        scale = exponent_of(exact, axis=1)
        scaled = np.ldexp(exact, -scale[:, None])
        length = np.linalg.norm(scaled, axis=1)
        scales = Scales(scale + movies.scale, exact.shape[1])
        return cls(
            exact=exact,
            vectors=scaled.astype(np.float32),
            reach=length * (1 + scales.units),  # more than its own rounding takes away
            slack=scales.slack(length * movies.lengths[0]),
        )


@dataclass(frozen=True)
class Scales:
    """The exponents (B,) by which products of scaled vectors of length `width` are too small."""

    exponents: np.ndarray
    width: int

    @property
    def units(self) -> float:
        """The relative error of a product, to first order."""
        return (self.width + 2) * ROUNDOFF

    def slack(self, lengths: np.ndarray) -> np.ndarray:
        """Return (B,) twice the error of a product of vectors whose lengths multiply to (B,)."""
        error = self.units / (1 - self.units) * lengths
        error = error + np.ldexp(UNDERFLOW, -self.exponents)
        overflows = self.exponents + np.log2(self.width) >= LARGEST_EXPONENT
        return np.where(overflows, np.inf, 2 * error)


def seen_by_place(
    seen: sparse.csr_matrix | None, rows: slice, movies: MoviesByLength
) -> sparse.csc_array:
    """Return (B, m + 1) of the rows' entries: by place, the last column for what is not ranked."""
    shape = (rows.stop - rows.start, len(movies) + 1)
    if seen is None:
        return sparse.csc_array(shape, dtype=np.int8)
    part = seen[rows]
    places = movies.place[part.indices]
    entries = np.ones(len(places), dtype=np.int8)
    return sparse.csr_array((entries, places, part.indptr), shape=shape).tocsc()
