"""Why a model recommends a movie: what each of the user's own ratings adds to the score."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recsys.features.histories import Histories

__all__ = ["Explanation", "Kind", "Strongest", "targets_of_ratings"]

#: How contributions come about: "exact", they add up to the score; "leave_one_out", the score's
#: fall without the rating; "rule", there are none, as the score is no sum over the user's ratings.
Kind = Literal["exact", "leave_one_out", "rule"]


@dataclass(frozen=True)
class Strongest:
    """The ratings that speak most for each of n movies of B users, k a movie, strongest first.

    `movies` (B, n, k) int64 positions of the rated movies, −1 where there are fewer;
    `contributions` (B, n, k) float32, 0 there.
    """

    movies: np.ndarray
    contributions: np.ndarray


@dataclass(frozen=True)
class Explanation:
    """What H ratings of B users add to the scores of n movies for each user, and what is left.

    `contributions` (H, n) float32: row h is of rating h of the `histories`, for that user's n
    movies; 0 for a rating that is no like. `rest` (B, n) float32. Of kind "exact", a user's
    contributions and the rest add up to the score. Where there is no movie, all is 0.
    """

    kind: Kind
    histories: Histories
    contributions: np.ndarray
    rest: np.ndarray

    @classmethod
    def by_rule(cls, histories: Histories, n: int) -> "Explanation":
        """Return the one that no rating adds to."""
        contributions = np.zeros((len(histories.movies), n), dtype=np.float32)
        return cls("rule", histories, contributions, np.zeros((len(histories), n), np.float32))

    @classmethod
    def of_likes(
        cls, kind: Kind, histories: Histories, is_like: np.ndarray, of_likes: np.ndarray
    ) -> "Explanation":
        """Return the one of contributions (L, n) by the ratings of a mask (H,) alone; no rest."""
        explanation = cls.by_rule(histories, of_likes.shape[1])
        explanation.contributions[is_like] = of_likes
        return replace(explanation, kind=kind)

    def leaving(self, scores: np.ndarray) -> "Explanation":
        """Return it with what the contributions leave of the scores (B, n) as the rest."""
        return replace(self, rest=(scores - self.sums).astype(np.float32))

    @property
    def sums(self) -> np.ndarray:
        """Return (B, n) float64 sums of each user's contributions."""
        return sums_by_user(self.contributions, self.histories)

    def strongest(self, k: int) -> Strongest:
        """Return the k ratings of the largest contributions above 0; ties by movie position."""
        n_users, n = self.rest.shape
        movies = np.full((n_users, n, k), -1, dtype=np.int64)
        contributions = np.zeros((n_users, n, k), dtype=np.float32)
        rows = np.flatnonzero((self.contributions > 0).any(axis=1))
        positive = self.histories.where(mask_of(rows, len(self.contributions)))
        rest = self.contributions[rows]
        users = np.flatnonzero(positive.lengths)
        if len(users):
            for place in range(k):
                best, first = first_of_best(rest, positive.starts[users], positive.lengths[users])
                is_positive = best > 0
                movies[users, :, place] = np.where(is_positive, positive.movies[first], -1)
                contributions[users, :, place] = np.where(is_positive, best, 0)
                np.put_along_axis(rest, first, -np.inf, axis=0)
        return Strongest(movies, contributions)


def first_of_best(
    values: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of B groups of rows of (H, n), none empty, the largest value of each column
    (B, n), and the first row (B, n) that has it.
    """
    best = np.maximum.reduceat(values, starts, axis=0)
    rows, columns = np.nonzero(values == np.repeat(best, lengths, axis=0))
    groups = np.searchsorted(starts, rows, side="right") - 1
    _, first = np.unique(groups * values.shape[1] + columns, return_index=True)
    return best, rows[first].reshape(best.shape)


def sums_by_user(values: np.ndarray, histories: Histories) -> np.ndarray:
    """Return (B, n) float64 sums of the values (H, n) of each user's ratings."""
    sums = np.zeros((len(histories), values.shape[1]))
    users = np.flatnonzero(histories.lengths)
    if len(users):
        starts = histories.starts[users]
        sums[users] = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
    return sums


def targets_of_ratings(histories: Histories, movies: np.ndarray) -> np.ndarray:
    """Return (H, n) int64: for each rating, its user's movies, of (B, n)."""
    return np.repeat(movies, histories.lengths, axis=0)


def mask_of(rows: np.ndarray, n: int) -> np.ndarray:
    """Return (n,) bool, true at the rows."""
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask
