"""What likes weigh in a user's vector, by their order."""

from dataclasses import dataclass

import numpy as np

from recsys.features.histories import Histories
from recsys.models.ncf.config import TrainingConfig
from recsys.models.recency import n_later_likes

__all__ = ["UserSums", "like_weights", "user_sums"]


def like_weights(likes: Histories, config: TrainingConfig) -> np.ndarray:
    """Return (H,) float64: 1, and for the newer likes of a user more where their order matters."""
    if config.history_half_life is None:
        return np.ones(len(likes.movies))
    return 1 + config.newest_weight * np.exp2(-n_later_likes(likes) / config.history_half_life)


def unit_weights(likes: Histories, config: TrainingConfig) -> np.ndarray:
    """Return (H,) float64 weights whose squares add up to 1 for each user."""
    weights = like_weights(likes, config)
    lengths = np.bincount(likes.users, weights**2, minlength=len(likes))
    return weights / np.sqrt(lengths)[likes.users]


def user_sums(likes: Histories, config: TrainingConfig, vectors: np.ndarray) -> np.ndarray:
    """Return (B, d) float32 weighted sums of the vectors (M, d) of users' likes."""
    # a sparse product goes row by row
    return likes.csr(unit_weights(likes, config)) @ vectors


@dataclass(frozen=True)
class UserSums:
    """One user's sum with all k likes (1, d), and without each of them (k, d)."""

    whole: np.ndarray
    without: np.ndarray

    @classmethod
    def of(cls, weights: np.ndarray, vectors: np.ndarray) -> "UserSums":
        """Add the vectors (k, d) of likes that weigh (k,)."""
        weights = weights.astype(np.float32)
        total = weights[None] @ vectors
        squares = weights**2
        others = squares.sum() - squares
        is_only = len(weights) == 1  # then nothing but rounding is left
        rest = total - weights[:, None] * vectors
        without = np.zeros_like(rest) if is_only else rest / np.sqrt(others)[:, None]
        return cls(total / np.sqrt(squares.sum()), without)
