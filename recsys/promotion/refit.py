"""A model fitted on all that the week may see, as the gates look at it before anyone is served by
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recsys.bounds import Bounds

#: Users whose lists are looked at: a share of them is known within about one percentage point.
SAMPLE = 2_000
#: How much of their lists.
LIST_LENGTH = 10


@dataclass(frozen=True)
class Refit:
    """`arrays` is what the model learned; `is_baseline` that of its recipe. `ids` (S, n) movie ids
    and `scores` (S, n) are lists of a sample of the users, −1 where one ends.

    `last` (S, n) is what the same users had in the publication before, −1 where that had nothing,
    or what they rated since.
    """

    is_baseline: bool
    arrays: Mapping[str, np.ndarray]
    ids: np.ndarray
    scores: np.ndarray
    last: np.ndarray
    bounds: Bounds

    @property
    def is_listed(self) -> np.ndarray:
        """Return where the lists have a movie (S, n)."""
        return self.ids >= 0

    @property
    def has_list(self) -> np.ndarray:
        """Return which users have any (S,)."""
        return np.any(self.is_listed, axis=1)


def sample_of(users: np.ndarray) -> np.ndarray:
    """Return at most SAMPLE of the users, spread evenly over their ids."""
    step = max(-(-len(users) // SAMPLE), 1)
    return users[::step]
