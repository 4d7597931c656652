"""How often movies were rated."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.features.interactions import Interactions


@dataclass(frozen=True)
class Raters:
    """How many of the `n_users` users with training ratings rated each of `movie_ids` (M,):
    `counts` (M,) int64.
    """

    movie_ids: np.ndarray
    counts: np.ndarray
    n_users: int

    @classmethod
    def of(cls, train: Interactions) -> Self:
        """Count the raters in training ratings."""
        return cls(train.movie_ids, train.n_raters, len(train.user_ids))
