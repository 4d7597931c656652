"""The users in parts that are scored apart, each made of whole blocks."""

from dataclasses import dataclass

import numpy as np

from recsys.models.base import BLOCK


@dataclass(frozen=True)
class Shard:
    """One of `n_shards` parts of the users."""

    shard: int
    n_shards: int

    @property
    def params(self) -> dict[str, int]:
        """Return the parameters of the queries on a shard."""
        return {"shard": self.shard, "n_shards": self.n_shards}

    def of(self, users: np.ndarray) -> np.ndarray:
        """Return every n_shards-th block, so that blocks do not depend on the number of shards."""
        return users[(np.arange(len(users)) // BLOCK) % self.n_shards == self.shard]


def shard_count(n_users: int, at_most: int) -> int:
    """Return how many shards hold a user, at least 1."""
    n_blocks = -(-n_users // BLOCK)
    return max(1, min(at_most, n_blocks))
