"""Ratings that a fit may see, as index arrays over sorted ids."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recsys.errors import ModelError
from recsys.features.histories import Histories, ordered_csr


@dataclass(frozen=True)
class Interactions:
    """R visible ratings, one a (user, movie), of U users and M movies.

    `user_ids` (U,) and `movie_ids` (M,) are int64, ascending; movies that nobody rated are among
    them. `users`, `movies` (R,) int32 index into them; `ratings` (R,) float32 in stars; `rated_at`
    (R,) int64 epoch seconds. Rows are ordered by user, then movie.
    """

    user_ids: np.ndarray
    movie_ids: np.ndarray
    users: np.ndarray
    movies: np.ndarray
    ratings: np.ndarray
    rated_at: np.ndarray

    @classmethod
    def of(
        cls,
        user: np.ndarray,
        movie: np.ndarray,
        rating: np.ndarray,
        rated_at: np.ndarray,
        *,
        movie_ids: np.ndarray,
    ) -> "Interactions":
        """Build from raw ids; rows of movies that are not in `movie_ids` are left out. May share
        memory with its arguments.

        Takes O(R) where ids are dense and most rows come ordered, as they do out of Postgres; no
        more than a sort of R otherwise.
        """
        movie_ids = movie_ids.astype(np.int64, copy=False)
        movies = index_of(movie_ids, movie.astype(np.int64, copy=False)).astype(np.int32)
        if (movies < 0).any():
            rows = np.flatnonzero(movies >= 0)
            columns = [column[rows] for column in (user, movies, rating, rated_at)]
        else:
            columns = [user, movies, rating, rated_at]
        return cls.ordered(*columns, movie_ids=movie_ids)

    @classmethod
    def ordered(
        cls,
        user: np.ndarray,
        movies: np.ndarray,
        rating: np.ndarray,
        rated_at: np.ndarray,
        *,
        movie_ids: np.ndarray,
    ) -> "Interactions":
        """Number the users, and put the rows in order of user, then movie."""
        user_ids, users = _numbered(user.astype(np.int64, copy=False))
        order = _order(users, movies, len(movie_ids))
        return cls(
            user_ids=user_ids,
            movie_ids=movie_ids,
            users=users[order],
            movies=movies[order],
            ratings=rating[order].astype(np.float32, copy=False),
            rated_at=rated_at[order].astype(np.int64, copy=False),
        )

    def __len__(self) -> int:
        return len(self.ratings)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.user_ids), len(self.movie_ids)

    @property
    def newest(self) -> int:
        """Return the epoch seconds of the newest visible rating: what windows and decays are
        anchored at. 0 where there is none.
        """
        return int(self.rated_at.max()) if len(self) else 0

    @property
    def rating_range(self) -> np.ndarray:
        """Return (2,) float32, the lowest and the highest rating."""
        return np.array([self.ratings.min(), self.ratings.max()], dtype=np.float32)

    @cached_property
    def starts(self) -> np.ndarray:
        """Return (U + 1,) int32: user u's rows are those from starts[u] to starts[u + 1]."""
        users = np.arange(len(self.user_ids) + 1, dtype=np.int32)
        return np.searchsorted(self.users, users).astype(np.int32)

    @property
    def n_rated(self) -> np.ndarray:
        """Return (U,) int64: how many movies each user rated."""
        return np.diff(self.starts).astype(np.int64)

    def n_rated_by(self, user_ids: np.ndarray) -> np.ndarray:
        """Return how many movies each of these users rated; 0 for unknown users."""
        n_rated = np.append(self.n_rated, 0)  # the last for unknown users: index −1
        return n_rated[index_of(self.user_ids, user_ids)]

    @property
    def row_user_ids(self) -> np.ndarray:
        """Return (R,) int64: the user of each row."""
        return self.user_ids[self.users]

    @property
    def row_movie_ids(self) -> np.ndarray:
        """Return (R,) int64: the movie of each row."""
        return self.movie_ids[self.movies]

    def is_of(self, user_ids: np.ndarray) -> np.ndarray:
        """Return (R,) bool: whether a row is of one of these users."""
        return np.isin(self.user_ids, user_ids)[self.users]

    @cached_property
    def n_raters(self) -> np.ndarray:
        """Return (M,) int64: how many users rated each movie."""
        return np.bincount(self.movies, minlength=len(self.movie_ids))

    def csr(self, values: np.ndarray | None = None) -> sparse.csr_matrix:
        """Return (U, M) float32 matrix of `values` (R,), the ratings by default. Shares memory with
        them: not to be changed in place.
        """
        data = self.ratings if values is None else values.astype(np.float32, copy=False)
        return ordered_csr(data, self.movies, self.starts, self.shape)

    def where(self, mask: np.ndarray) -> "Interactions":
        """Return the rows of a boolean mask (R,). Users that keep no row are left out; movies all
        stay.
        """
        rows = np.flatnonzero(mask)  # numpy takes by number several times as fast as by mask
        keep, users = _numbered(self.users[rows])
        return Interactions(
            user_ids=self.user_ids[keep],
            movie_ids=self.movie_ids,
            users=users,
            movies=self.movies[rows],
            ratings=self.ratings[rows],
            rated_at=self.rated_at[rows],
        )

    def likes(self, threshold: float) -> "Interactions":
        """Return the ratings from `threshold` on. Raises ModelError where there is none."""
        likes = self.where(self.ratings >= threshold)
        if not len(likes):
            raise ModelError(
                f"none of {len(self)} ratings is a like (at least {threshold}); expected some"
            )
        return likes

    def has(self, user_ids: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """Return (K,) bool: whether a user (K,), by id, has rated a movie (K,), by its place in
        `movie_ids`.
        """
        rows, width = index_of(self.user_ids, user_ids), len(self.movie_ids)
        # ascending, as the rows are; in place: there may be many
        pairs = self.users.astype(np.int64)
        pairs *= width
        pairs += self.movies
        return index_of(pairs, np.where(rows >= 0, rows * width + movies, -1)) >= 0

    def adding(self, others: "Interactions") -> "Interactions":
        """Return these rows, and those of `others` whose user has not rated the movie here. Both
        over the same movies.
        """
        new = others.where(~self.has(others.row_user_ids, others.movies))
        if not len(new):
            return self
        columns = [np.concatenate(parts) for parts in zip(self._raw, new._raw, strict=True)]
        return Interactions.of(*columns, movie_ids=self.movie_ids)

    @property
    def _raw(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.row_user_ids, self.row_movie_ids, self.ratings, self.rated_at

    def seen_by(self, user_ids: np.ndarray) -> sparse.csr_matrix:
        """Return a (len(user_ids), M) matrix with a stored entry for every movie that the user
        rated; empty rows for unknown users.
        """
        return self.histories_of(user_ids).seen()

    def histories_of(self, user_ids: np.ndarray) -> Histories:
        """Return what each of these users rated, in their order; nothing for unknown users.

        May share memory with the interactions: not to be changed in place.
        """
        lengths = self.n_rated_by(user_ids)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        users = index_of(self.user_ids, user_ids)
        is_here = users >= 0
        rows = self.rows_of(users[is_here], lengths[is_here])
        columns = (self.movies[rows], self.ratings[rows], self.rated_at[rows])
        return Histories(starts, *columns, n_movies=self.shape[1])

    def rows_of(self, users: np.ndarray, lengths: np.ndarray) -> np.ndarray | slice:
        """Return the rows of each of the users (positions), `lengths` long, one after another; a
        slice where the users are neighbours.
        """
        if len(users) and (np.diff(users) == 1).all():
            return slice(self.starts[users[0]], self.starts[users[-1] + 1])
        shifts = self.starts[users] - (np.cumsum(lengths) - lengths)
        return np.arange(lengths.sum()) + np.repeat(shifts, lengths)

    def fingerprint(self) -> str:
        """Return a hex digest of everything a fit can see: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        for array in (
            self.user_ids,
            self.movie_ids,
            self.users,
            self.movies,
            self.ratings,
            self.rated_at,
        ):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def index_of(sorted_ids: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the position of each of `ids` in `sorted_ids`, −1 where it is not there. int64, shape
    of `ids`.

    By a table where the sorted ids span no more numbers than there are `ids`, else by bisection.
    """
    if not len(sorted_ids):
        return np.full(np.shape(ids), -1, dtype=np.int64)
    span = int(sorted_ids[-1]) - int(sorted_ids[0]) + 1
    if span > np.size(ids):
        return index_by_bisection(sorted_ids, ids)
    return index_by_table(sorted_ids, ids, span)


def index_by_bisection(sorted_ids: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return each id's place among sorted ids, −1 where it is not among them."""
    position = np.searchsorted(sorted_ids, ids).clip(max=len(sorted_ids) - 1)
    return np.where(sorted_ids[position] == ids, position, -1)


def index_by_table(sorted_ids: np.ndarray, ids: np.ndarray, span: int) -> np.ndarray:
    """Return the same by one look-up an id, where the ids are dense."""
    first = sorted_ids[0]
    table = np.full(span + 1, -1, dtype=np.int64)  # the last for what lies outside
    table[sorted_ids - first] = np.arange(len(sorted_ids))
    # a smaller id's becomes very large
    offsets = np.subtract(ids, first, dtype=np.int64).view(np.uint64)
    return table[np.minimum(offsets, np.uint64(span)).view(np.int64)]


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, ascending, and (R,) int32: each value's position among them; by a
    table where values lie densely.
    """
    first = int(values.min()) if len(values) else 0
    span = int(values.max()) - first + 1 if len(values) else 1
    if span <= len(values):
        return numbered_by_table(values, first, span)
    distinct, positions = np.unique(values, return_inverse=True)
    return distinct, positions.astype(np.int32)


def numbered_by_table(values: np.ndarray, first: int, span: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, sorted, and each value's number among them."""
    offsets = values - values.dtype.type(first)
    occurs = np.zeros(span, dtype=bool)
    occurs[offsets] = True
    table = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    return (np.flatnonzero(occurs) + first).astype(values.dtype), table[offsets]


def _order(users: np.ndarray, movies: np.ndarray, n_movies: int) -> np.ndarray | slice:
    """Return what puts rows in order of user, then movie; rows of the same pair stay as they
    came.
    """
    keys = users * np.int64(n_movies)
    keys += movies
    if (keys[1:] >= keys[:-1]).all():
        return slice(None)
    return np.argsort(keys, kind="stable")  # a merge sort that finds what is ordered already
