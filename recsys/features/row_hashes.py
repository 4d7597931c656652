"""Ratings digested whatever their order, in this process as in Postgres: by its hash functions,
which partitioned tables rest on, so that no version of it changes them.
"""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.features.interactions import Interactions

#: Rows hashed at once: their temporary arrays fit in a processor's cache.
CHUNK = 1 << 16
#: A rating times this is whole, whatever fraction a float32 from 0.5 on has.
WHOLE = 1 << 24

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
#: What a hash of four bytes starts from: Postgres' hash_bytes_uint32_extended.
_START = (0x9E3779B9 + 4 + 3923095) & 0xFFFFFFFF


@dataclass(frozen=True)
class RowHashes:
    """The count of the rows, and the exact sum of their hashes, signed 64-bit numbers."""

    n_rows: int
    total: int

    @classmethod
    def of(cls, ratings: Interactions) -> Self:
        """Hash the rows, a chunk at a time."""
        chunks = (slice(start, start + CHUNK) for start in range(0, len(ratings), CHUNK))
        total = sum(exact_sum(hashes_of(ratings, rows)) for rows in chunks)
        return cls(len(ratings), total)

    @property
    def digest(self) -> str:
        """Return a hex digest: equal rows, equal digest."""
        return hashlib.sha256(f"{self.n_rows} {self.total}".encode()).hexdigest()


def hashes_of(ratings: Interactions, rows: slice) -> np.ndarray:
    """Return (K,) int64, what sql/queries/training.sql has as a row's hash."""
    user_ids = ratings.user_ids[ratings.users[rows]]
    movie_ids = ratings.movie_ids[ratings.movies[rows]]
    stars = np.rint(ratings.ratings[rows].astype(np.float64) * WHOLE).astype(np.int64)
    of_user = hashint8extended(stars, user_ids)
    return hashint8extended(ratings.rated_at[rows], movie_ids ^ of_user)


def exact_sum(values: np.ndarray) -> int:
    """Return the sum of at most 2^31 int64, which may be beyond 64 bits."""
    low = (values & np.int64(0xFFFFFFFF)).sum()
    return (int((values >> np.int64(32)).sum()) << 32) + int(low)


def hashint8extended(values: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return (K,) int64, Postgres' function of that name over values and seeds (K,) int64: Bob
    Jenkins' lookup3 (2006) over the value's halves, folded into 32 bits.
    """
    bits = values.view(np.uint64)
    high = (bits >> _HALF).astype(np.uint32)
    folded = (bits & _LOW).astype(np.uint32) ^ np.where(values >= 0, high, ~high)
    a, b, c = seeded(seeds.view(np.uint64))
    a += folded
    b, c = finished(a, b, c)
    return ((b.astype(np.uint64) << _HALF) | c).view(np.int64)


def seeded(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lookup3's state (K,) uint32 each; a seed of 0 leaves it as it starts."""
    a, b, c = (np.full(len(seeds), _START, dtype=np.uint32) for _ in range(3))
    a += (seeds >> _HALF).astype(np.uint32)
    b += (seeds & _LOW).astype(np.uint32)
    mix(a, b, c)
    for state in (a, b, c):
        state[seeds == 0] = _START
    return a, b, c


def mix(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    """Mix three states (K,) uint32 in place: lookup3's mix()."""
    state = (a, b, c)
    for place, bits in enumerate((4, 6, 8, 16, 19, 4)):
        first, second, third = (state[(place + step) % 3] for step in (0, 1, 2))
        first -= third
        first ^= rotated(third, bits)
        third += second


def finished(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lookup3's final() of three states (K,) uint32, which change: its last two."""
    state = (c, a, b)
    for place, bits in enumerate((14, 11, 25, 16, 4, 14, 24)):
        one, before = state[place % 3], state[(place - 1) % 3]
        one ^= before
        one -= rotated(before, bits)
    return b, c


def rotated(values: np.ndarray, bits: int) -> np.ndarray:
    """Return uint32 values (K,) rotated to the left."""
    return (values << np.uint32(bits)) | (values >> np.uint32(32 - bits))
