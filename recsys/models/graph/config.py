"""The settings that the graph recipes share: the vectors, and how they are trained."""

from typing import Annotated

from pydantic import Field

from recsys.models.base import Config, Search

__all__ = ["GraphConfig"]


class GraphConfig(Config):
    """Hyperparameters of a network over the graph of users and movies, and of its training."""

    history_dropout: Annotated[float, Search(0.3, 0.8)] = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="share of a user's likes hidden in a step: those that it learns to find",
    )
    learning_rate: Annotated[float, Search(0.01, 0.1, log=True)] = Field(
        default=0.05, gt=0, description="of Adam in the first step; it falls to 0 by the last"
    )
    weight_decay: float = Field(default=0.0, ge=0, description="of AdamW")
    users_a_batch: int = Field(
        default=512, ge=1, description="users of a training step, with all their likes"
    )
    sampled_movies: int = Field(
        default=4096,
        ge=1,
        description="movies drawn into each step beside those that its users liked",
    )
    epochs: Annotated[int, Search(10, 60, log=True)] = Field(
        default=20, ge=1, description="passes over all users"
    )
