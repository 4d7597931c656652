"""The settings of the hybrid: its two networks, and how they are trained."""

from typing import Annotated

from pydantic import Field

from recsys.models.base import Config, Search
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["MAX_SIZE", "HybridConfig"]

#: Of a vector: with a movie's bias, or with the constants of a rating, it still is one that
#: `dot_scores` adds exactly.
MAX_SIZE = EXACT_WIDTH - 2


class HybridConfig(Config):
    """Hyperparameters of the networks and of their training."""

    size: int = Field(
        default=128,
        ge=1,
        le=MAX_SIZE,
        description="length of a user's and of a movie's vector, to rank",
    )
    content_decay: Annotated[float, Search(1, 300, log=True)] = Field(
        default=100.0, gt=0, description="ridge of the map from a movie's content to its vector"
    )
    content_likes: float = Field(
        default=0.0,
        ge=0,
        description="likes that content counts as in a rated movie's vector; an "
        "unrated one has nothing else",
    )
    history_dropout: Annotated[float, Search(0, 0.9)] = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="share of a user's likes hidden from the user tower in a step",
    )
    rating_size: int = Field(
        default=256,
        ge=1,
        le=MAX_SIZE,
        description="length of the autoencoder's inner vector, which stars come from",
    )
    rating_epochs: int = Field(
        default=20, ge=0, description="passes of the autoencoder over all rated movies"
    )
    rating_penalty: Annotated[float, Search(0.5, 20, log=True)] = Field(
        default=3.0,
        ge=0,
        description="weight of a user's mean squared weights beside the squared error in stars",
    )
    rating_learning_rate: Annotated[float, Search(2e-4, 1e-2, log=True)] = Field(
        default=2e-3, gt=0, description="of the autoencoder's Adam, at its highest"
    )
    movies_a_batch: int = Field(
        default=128, ge=1, description="movies of a training step of the autoencoder"
    )
    users_a_batch: int = Field(
        default=64, ge=1, description="users of a training step, with all their ratings"
    )
    sampled_movies: int = Field(
        default=4096,
        ge=1,
        description="movies drawn into each step beside those that its users rated",
    )
    learning_rate: Annotated[float, Search(5e-4, 2e-2, log=True)] = Field(
        default=3e-3, gt=0, description="of AdamW"
    )
    weight_decay: Annotated[float, Search(1e-2, 10, log=True)] = Field(
        default=1.0, ge=0, description="of AdamW"
    )
    average: float = Field(
        default=0.98,
        ge=0,
        lt=1,
        description="share that the weights' moving average keeps in a step",
    )
    max_epochs: int = Field(
        default=30,
        ge=1,
        description="epochs after which training stops even if it still gets better",
    )
    patience: int = Field(
        default=3,
        ge=1,
        description="epochs without a better validation NDCG@10 after which it stops",
    )
