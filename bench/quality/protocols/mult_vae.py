"""Liang et al., "Variational Autoencoders for Collaborative Filtering" (WWW 2018) on ML-20M: 10,000
held-out users.

Ratings ≥ 4 are positives, users with at least five of them count. A fifth of a held-out user's
positives is asked for, the others are shown. The paper shows them to a model that was fitted
without them; here they are part of the fit, since a recipe knows only the users of its fit. The
table says so.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from bench.quality.files import Ratings, read_catalogue, read_ratings
from bench.quality.protocols.base import LIKE_THRESHOLD, ML_20M, Protocol
from recsys.evaluation.hits import hits_of
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.recipe import Recipe

HELD_OUT_USERS = 10_000
MIN_LIKES = 5
ASKED_SHARE = 0.2
#: Of the paper's code.
SPLIT_SEED = 98_765
NDCG_K = 100
RECALL_KS = (20, 50)
#: Users scored at once.
USERS_AT_ONCE = 2_000


class Split(NamedTuple):
    train: Interactions
    asked: Interactions
    users: np.ndarray  # (U,) ids of the held-out users of whom something is asked


class MultVAE(Protocol):
    """As in the paper, validation users are left out of the fit, and only movies that a training
    user liked are ranked.
    """

    name = "mult-vae"
    title = "ML-20M, Mult-VAE split; the held-out users' shown part is in our fit (transductive)"
    metrics = ("NDCG@100", "Recall@20", "Recall@50")
    needs = ML_20M

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        fitted = self.fits.fitted(recipe, self.split.train, self.catalogue, seed)
        values = [self._asked(fitted.model, users) for users in in_parts(self.split.users)]
        means = np.concatenate(values, axis=1).mean(axis=1)
        return {
            **dict(zip(self.metrics, means.tolist(), strict=True)),
            "fit seconds": fitted.seconds,
        }

    @cached_property
    def split(self) -> Split:
        return held_out_users(read_ratings((self.data / ML_20M[0]).parent), HELD_OUT_USERS)

    @cached_property
    def catalogue(self) -> Catalogue:
        return read_catalogue((self.data / ML_20M[0]).parent, None, self.split.train.movie_ids)

    def _asked(self, model, users: np.ndarray) -> np.ndarray:
        """(metrics, U)."""
        lists = model.recommend(users, n=NDCG_K, seen=self.split.train.seen_by(users)).ids
        hits, n_relevant = hits_of(
            lists, users, self.split.asked, np.ones(len(self.split.asked), dtype=bool)
        )
        return np.array(
            [ndcg(hits, n_relevant), *(paper_recall(hits[:, :k], n_relevant) for k in RECALL_KS)]
        )


def paper_recall(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """(U,) hits over min(k, n_relevant): the paper's Recall@k, which a list of k can always bring
    to 1.
    """
    return hits.sum(axis=1) / np.minimum(hits.shape[1], n_relevant)


def held_out_users(ratings: Ratings, n_held_out: int) -> Split:
    """The split with `n_held_out` users drawn to be asked, and as many as the paper's validation
    users, who are left out.

    The paper's seed and generator draw the users; which of their likes are asked for is drawn anew.
    """
    likes = ratings.where(ratings.rating >= LIKE_THRESHOLD)
    ids, n_likes = np.unique(likes.user, return_counts=True)
    # the paper's generator
    drawn = np.random.RandomState(SPLIT_SEED).permutation(ids[n_likes >= MIN_LIKES])
    training, test = drawn[: -2 * n_held_out], drawn[-n_held_out:]
    movie_ids = np.unique(likes.movie[np.isin(likes.user, training)])
    rows = np.flatnonzero(np.isin(likes.user, test) & np.isin(likes.movie, movie_ids))
    asked = rows[hold_out_a_fifth(likes.user[rows])]
    mask = np.isin(likes.user, np.concatenate([training, test])) & ~np.isin(
        np.arange(len(likes.user)), asked
    )
    held = likes.where(asked).over(movie_ids)
    return Split(likes.where(mask).over(movie_ids), held, held.user_ids)


def hold_out_a_fifth(users: np.ndarray) -> np.ndarray:
    """Positions of a random fifth, rounded down, of each user's rows; users with fewer than
    MIN_LIKES rows show all.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    order = np.lexsort((rng.random(len(users)), users))
    _, first, count = np.unique(users[order], return_index=True, return_counts=True)
    n_asked = np.where(count >= MIN_LIKES, (ASKED_SHARE * count).astype(np.int64), 0)
    place = np.arange(len(users)) - np.repeat(first, count)
    return np.sort(order[place < np.repeat(n_asked, count)])


def in_parts(users: np.ndarray) -> list[np.ndarray]:
    return np.array_split(users, max(-(-len(users) // USERS_AT_ONCE), 1))
