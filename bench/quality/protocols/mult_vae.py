"""Liang et al., "Variational Autoencoders for Collaborative Filtering" (WWW 2018) on ML-20M: 10,000
held-out users.

Ratings ≥ 4 are positives, users with at least five of them count. A fifth of a held-out user's
positives is held out, the others are shown: as in the paper, to a model that was fitted without
these users.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from bench.quality.protocols.base import LIKE_THRESHOLD, ML_20M, Protocol
from recsys.dataset import Ratings, read_catalogue, read_ratings
from recsys.evaluation.hits import hits_of
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models.base import Recommender
from recsys.recipe import Recipe

HELD_OUT_USERS = 10_000
MIN_LIKES = 5
HELD_OUT_SHARE = 0.2
#: Of the paper's code.
SPLIT_SEED = 98_765
NDCG_K = 100
RECALL_KS = (20, 50)
#: Users scored at once.
USERS_AT_ONCE = 2_000


class Split(NamedTuple):
    """`shown` and `held_out` are of the `users` (U,), ids of whom something is held out."""

    train: Interactions
    shown: Interactions
    held_out: Interactions
    users: np.ndarray


class MultVAE(Protocol):
    """As in the paper, validation users are left out of the fit, and only movies that a training
    user liked are ranked.
    """

    name = "mult-vae"
    title = "ML-20M, Mult-VAE split: users whom no fit has seen"
    metrics = ("NDCG@100", "Recall@20", "Recall@50")
    needs = ML_20M

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        train = Loaded(self.split.train, LIKE_THRESHOLD)
        fitted = self.fits.fitted(recipe, train, self.catalogue, seed)
        scores = [self.user_scores(fitted.model, users) for users in in_parts(self.split.users)]
        means = np.concatenate(scores, axis=1).mean(axis=1).tolist()
        figures = dict(zip(self.metrics, means, strict=True))
        return {**figures, "fit seconds": fitted.seconds}

    def user_scores(self, model: Recommender, users: np.ndarray) -> np.ndarray:
        """Return (metrics, U) of these users' lists."""
        lists = model.recommend(users, n=NDCG_K, histories=self.split.shown).ids
        held_out = self.split.held_out
        hits, n_relevant = hits_of(lists, users, held_out, np.ones(len(held_out), dtype=bool))
        recalls = [paper_recall(hits[:, :k], n_relevant) for k in RECALL_KS]
        return np.array([ndcg(hits, n_relevant), *recalls])

    @cached_property
    def split(self) -> Split:
        return held_out_users(read_ratings(self.folder_of(ML_20M[0])), HELD_OUT_USERS)

    @cached_property
    def catalogue(self) -> Catalogue:
        return read_catalogue(self.folder_of(ML_20M[0]), None, self.split.train.movie_ids)


def paper_recall(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """(U,) hits over min(k, n_relevant): the paper's Recall@k, which a list of k can always bring
    to 1.
    """
    return hits.sum(axis=1) / np.minimum(hits.shape[1], n_relevant)


def held_out_users(ratings: Ratings, n_held_out: int) -> Split:
    """Return the split with `n_held_out` users of whom likes are held out, and as many as the
    paper's validation users, who are left out.

    The paper's seed and generator draw the users; which of their likes are held out is drawn anew.
    """
    likes = ratings.where(ratings.rating >= LIKE_THRESHOLD)
    training, test = draw_users(likes.user, n_held_out)
    movie_ids = np.unique(likes.movie[np.isin(likes.user, training)])
    is_held_out = draw_likes(likes, test, movie_ids)
    is_shown = np.isin(likes.user, test) & ~is_held_out
    held_out = likes.where(is_held_out).over(movie_ids)
    train = likes.where(np.isin(likes.user, training)).over(movie_ids)
    return Split(train, likes.where(is_shown).over(movie_ids), held_out, held_out.user_ids)


def draw_likes(likes: Ratings, users: np.ndarray, movie_ids: np.ndarray) -> np.ndarray:
    """Return the mask (R,) of a fifth of each of these users' likes of these movies."""
    rows = np.flatnonzero(np.isin(likes.user, users) & np.isin(likes.movie, movie_ids))
    mask = np.zeros(len(likes.user), dtype=bool)
    mask[rows[hold_out_a_fifth(likes.user[rows])]] = True
    return mask


def draw_users(users: np.ndarray, n_held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the users for training and for the test, of the users of likes (R,)."""
    ids, n_likes = np.unique(users, return_counts=True)
    generator = np.random.RandomState(SPLIT_SEED)  # the paper's
    drawn = generator.permutation(ids[n_likes >= MIN_LIKES])
    return drawn[: -2 * n_held_out], drawn[-n_held_out:]


def hold_out_a_fifth(users: np.ndarray) -> np.ndarray:
    """Return the positions of a random fifth, rounded down, of each user's rows; users with fewer
    than MIN_LIKES rows keep all.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    order = np.lexsort((rng.random(len(users)), users))
    _, first, count = np.unique(users[order], return_index=True, return_counts=True)
    place = np.arange(len(users)) - np.repeat(first, count)
    return np.sort(order[place < np.repeat(n_to_hold_out(count), count)])


def n_to_hold_out(n_likes: np.ndarray) -> np.ndarray:
    share = (HELD_OUT_SHARE * n_likes).astype(np.int64)
    return np.where(n_likes >= MIN_LIKES, share, 0)


def in_parts(users: np.ndarray) -> list[np.ndarray]:
    return np.array_split(users, max(-(-len(users) // USERS_AT_ONCE), 1))
