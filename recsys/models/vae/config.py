"""The settings of the variational autoencoder: its layers, its prior, and how it is trained."""

from typing import Annotated, Literal

from pydantic import Field

from recsys.models.base import Config, Search
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["MAX_SIZE", "VAEConfig"]

#: Of a vector: with a movie's bias it still is one that `dot_scores` adds exactly.
MAX_SIZE = EXACT_WIDTH - 1


class VAEConfig(Config):
    """By default, what did best for its time on a validation slice of ML-1M: an
    encoder of one layer, a linear decoder.

    Mult-VAE is `decoder_width=511, beta_per_like=None`; RecVAE `layers=5, prior="composite",
    beta_per_like=0.005, alternating=True, learning_rate=0.0005, users_a_batch=500`.
    """

    size: int = Field(default=200, ge=1, le=MAX_SIZE, description="length of the latent vector")
    width: int = Field(default=600, ge=1, description="units of each of the encoder's layers")
    layers: int = Field(default=1, ge=1, description="hidden layers of the encoder")
    decoder_width: int = Field(
        default=0,
        ge=0,
        le=MAX_SIZE,
        description="units of the decoder's hidden layer; 0: it has none",
    )
    dropout: Annotated[float, Search(0.2, 0.8)] = Field(
        default=0.5, ge=0, lt=1, description="share of a user's likes hidden in a step"
    )
    prior: Literal["normal", "composite"] = Field(
        default="normal",
        description="of the latent vector: a standard normal one, or its mixture with the encoder "
        "of the epoch before and a wide one",
    )
    beta: float = Field(
        default=0.2, ge=0, description="weight of the divergence from the prior, once grown"
    )
    beta_per_like: Annotated[float | None, Search(0.0005, 0.05, log=True)] = Field(
        default=0.002,
        ge=0,
        description="weight of the divergence for each like of the user, instead of `beta`; none: "
        "`beta` for all",
    )
    growth_epochs: int = Field(
        default=20, ge=0, description="epochs in which `beta` grows from 0 to its value"
    )
    alternating: bool = Field(
        default=False,
        description="an epoch trains the encoder three times, then the decoder once, without "
        "dropout; otherwise both once, together",
    )
    learning_rate: Annotated[float, Search(1e-4, 1e-2, log=True)] = Field(
        default=2e-3, gt=0, description="of Adam"
    )
    users_a_batch: int = Field(default=256, ge=1, description="users of a training step")
    max_epochs: int = Field(
        default=30,
        ge=1,
        description="epochs after which training stops even if it still gets better",
    )
    patience: int = Field(
        default=8,
        ge=1,
        description="epochs without a better validation NDCG@10 after which it stops",
    )
