"""The settings of neural collaborative filtering: its networks, and how they are trained."""

from typing import Annotated, Literal

from pydantic import Field

from recsys.models.base import Config, Search
from recsys.models.neural.validation import Kind
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["GMFConfig", "MLPConfig", "NCFConfig", "TrainingConfig"]

Loss = Literal["softmax", "cross entropy", "bpr"]


class TrainingConfig(Config):
    """How a network learns, and what a user's likes weigh in it."""

    loss: Loss = Field(
        default="softmax",
        description="softmax over the movies of a batch; cross entropy (the paper's) or bpr with "
        "sampled movies",
    )
    negatives: int = Field(
        default=4, ge=1, description="movies sampled for each like by the losses that sample"
    )
    hidden_share: Annotated[float, Search(0.1, 0.9)] = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="share of a user's likes that a step hides and foretells from the others; "
        "without effect where likes are weighed by their order",
    )
    history_half_life: float | None = Field(
        default=None,
        gt=0,
        description="later likes of the same user after which what the newest like weighs more is "
        "halved; none: the order of likes does not matter",
    )
    newest_weight: float = Field(
        default=4.0,
        ge=0,
        description="what the newest like weighs more than the oldest, which weighs 1",
    )
    users_a_batch: int = Field(
        default=32, ge=1, description="users of a training step, with all their likes"
    )
    sampled_movies: int = Field(
        default=4096,
        ge=1,
        description="movies drawn into each step beside those that its users liked",
    )
    learning_rate: Annotated[float, Search(2e-3, 5e-2, log=True)] = Field(
        default=1e-2, gt=0, description="of AdamW"
    )
    weight_decay: Annotated[float, Search(1e-3, 1, log=True)] = Field(
        default=0.01, ge=0, description="of AdamW"
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="share of a user's vector dropped in a step"
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
    validation: Kind = Field(
        default="newest",
        description="what epochs are counted on: the newest tenth of the ratings, or each user's "
        "newest one (leave one out)",
    )


class GMFConfig(TrainingConfig):
    """Generalised matrix factorisation."""

    size: int = Field(
        default=64,
        ge=1,
        le=EXACT_WIDTH - 1,
        description="length of a user's and of a movie's vector",
    )


class MLPConfig(TrainingConfig):
    """A multi-layer perceptron of a user's and a movie's vector."""

    layer_size: int = Field(
        default=32,
        ge=4,
        description="length of a vector, and width of the first layer; each next one is half as "
        "wide",
    )
    scored_movies: int = Field(
        default=1024,
        ge=2,
        description="movies of a batch that a step scores, drawn anew each time; likes of others "
        "are in users' sums alone",
    )


class NCFConfig(GMFConfig, MLPConfig):
    """Both, added before the output."""

    pretraining_epochs: int = Field(
        default=0,
        ge=0,
        description="epochs that either branch learns alone before both do together; 0: none",
    )
