"""The settings of matrix factorisations of stars."""

from typing import Annotated

from pydantic import Field

from recsys.models.base import Config, Search
from recsys.models.top_n import EXACT_WIDTH

__all__ = ["FactorsConfig", "SVDPPConfig"]


class FactorsConfig(Config):
    """How long vectors are, how many draws are made of them, and what ranks."""

    factors: Annotated[int, Search(16, 64, doubled=True)] = Field(
        default=32, ge=1, le=256, description="length of a user's and of a movie's vector of stars"
    )
    warm_up: int = Field(
        default=20, ge=0, description="draws that are made before the first one that is kept"
    )
    draws: int = Field(
        default=40, ge=1, description="draws of the movies' vectors that stars are the mean of"
    )
    ranking_factors: Annotated[int, Search(8, 256, log=True)] = Field(
        default=32,
        ge=1,
        le=EXACT_WIDTH,
        description="singular vectors of the likes, which ranks are by",
    )
    popularity_power: Annotated[float, Search(0, 1)] = Field(
        default=0.5,
        ge=0,
        le=1,
        description="power of a movie's number of likes that its likes are divided by before they "
        "are factorised; 0: PureSVD",
    )


class SVDPPConfig(FactorsConfig):
    """The same, and whose choices count."""

    raters: bool = Field(
        default=True,
        description="whether a movie's vector, too, is drawn to the sum of vectors of who has "
        "rated it",
    )
