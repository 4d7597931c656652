"""Splits of user-item pairs without stars, times or content, as the papers on graph networks give
them: each pair is a like, and the whole catalogue is ranked.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from bench.quality.fits import Fitted
from bench.quality.protocols.base import LIKE_THRESHOLD, Protocol, Validates
from recsys.errors import DropError
from recsys.evaluation.hits import hits_of
from recsys.evaluation.holdout import random_share_of_each
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.metrics.recall import recall
from recsys.features.catalogue import Catalogue, Description, Links
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.recipe import Recipe

K = 20
#: What a pair is given as: a rating of so many stars, at time 0.
STARS = 5.0


class Counts(NamedTuple):
    """How many the split has: users and items are numbered from 0."""

    users: int
    items: int


class Pairs(Protocol, Validates):
    """Ranked is the whole catalogue less a user's training items. The metrics are means over the
    users with test items: Recall@20, hits over all test items, and NDCG@20.

    Validation holds out as large a share of each user's training pairs as the split does of all,
    and reads no test pair. Drawn without regard to users, it would hold out much of those who have
    much: settings that do well on them did not on the others.
    """

    metrics = ("R@20", "NDCG@20")
    counts: Counts
    held_out_share: float

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        train = self.read("train")
        fitted = self.fits.fitted(recipe, Loaded(train, LIKE_THRESHOLD), self.catalogue, seed)
        return figures(fitted, train, self.read("test"))

    def validate(self, recipe: Recipe, seed: int) -> dict[str, float]:
        pairs = self.read("train")
        is_held_out = random_share_of_each(pairs, self.held_out_share, seed=seed)
        train = pairs.where(~is_held_out)
        fitted = self.fits.now(recipe, Loaded(train, LIKE_THRESHOLD), self.catalogue, seed)
        return figures(fitted, train, pairs.where(is_held_out))

    def read(self, part: str) -> Interactions:
        """Return the pairs of "train" or "test". An archive's arrays are read one by one: those of
        the other part stay closed.
        """
        path = self.data / self.needs[0]
        with np.load(path, allow_pickle=False) as arrays:
            users, items = arrays[f"{part}_user"], arrays[f"{part}_item"]
        if len(users) and (users.max() >= self.counts.users or items.max() >= self.counts.items):
            raise DropError(
                f"{path}: {users.max() + 1:,} users, {items.max() + 1:,} items; expected at most "
                f"{self.counts.users:,} and {self.counts.items:,}"
            )
        stars, times = np.full(len(users), STARS), np.zeros(len(users), dtype=np.int64)
        return Interactions.of(users, items, stars, times, movie_ids=np.arange(self.counts.items))

    @cached_property
    def catalogue(self) -> Catalogue:
        """The items, of which nothing is known but their numbers."""
        ids = np.arange(self.counts.items)
        nobody = Links.of_pairs(ids, [])
        items = [Description(f"Item {number}") for number in ids]
        return Catalogue.of(ids, items, nobody, nobody)


class Gowalla(Pairs):
    """The split of NGCF and LightGCN (Wang et al. 2019, He et al. 2020)."""

    name = "gowalla"
    title = "Gowalla, split of NGCF and LightGCN: whole catalogue"
    needs = ("benchmarks/gowalla/split.npz",)
    counts = Counts(29_858, 40_981)
    held_out_share = 0.2


class UltraGCN(Pairs):
    """The split of LCFN and UltraGCN (Mao et al. 2021) of ML-1M."""

    name = "ultragcn"
    title = "ML-1M, split of LCFN and UltraGCN: whole catalogue"
    needs = ("benchmarks/ultragcn-ml-1m/split.npz",)
    counts = Counts(6_022, 3_043)
    held_out_share = 0.1


def figures(fitted: Fitted, train: Interactions, test: Interactions) -> dict[str, float]:
    """Return the means over the users of the test pairs."""
    lists = fitted.model.recommend(test.user_ids, n=K, histories=train).ids
    hits, n_relevant = hits_of(lists, test.user_ids, test, np.ones(len(test), dtype=bool))
    scores = recall(hits, n_relevant), ndcg(hits, n_relevant)
    means = dict(zip(Pairs.metrics, (float(values.mean()) for values in scores), strict=True))
    return {**means, "fit seconds": fitted.seconds}
