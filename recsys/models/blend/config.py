"""The settings of a blend: its members, and how their weights are learned."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from recsys.models import model_class
from recsys.models.base import Config
from recsys.models.blend.validation import Kind

#: The recipe's name.
BLEND = "blend"


class Member(Config):
    """A recipe in a blend, by its name and settings: all of them, once validated, so that the
    blend's key covers them.
    """

    name: str
    settings: dict[str, Any] = Field(default_factory=dict, validate_default=True)

    @field_validator("name")
    @classmethod
    def is_no_blend(cls, name: str) -> str:
        if name == BLEND:
            raise ValueError("a blend's members are single recipes, found a blend")
        model_class(name)
        return name

    @field_validator("settings")
    @classmethod
    def in_full(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "name" not in info.data:
            return settings
        return model_class(info.data["name"]).Config(**settings).model_dump(mode="json")

    @property
    def config(self) -> Config:
        """The member's settings as its recipe takes them."""
        return model_class(self.name).Config(**self.settings)


#: What is popular now, and what besides is new: see Popularity.
NOW = {"half_life_days": 10.0}
NEW = NOW | {"freshness": 6.0, "new_releases": 5.0}


def default_members() -> tuple[Member, ...]:
    """Return members that go wrong in different ways: three of likes, one of which knows content,
    and two of what everybody turns to.
    """
    return (
        Member(name="als"),
        Member(name="ease"),
        Member(name="hybrid"),
        Member(name="popularity", settings=NOW),
        Member(name="popularity", settings=NEW),
    )


class BlendConfig(Config):
    """Which recipes are blended, and how the weights are learned."""

    members: tuple[Member, ...] = Field(
        default_factory=default_members, min_length=1, description="names and settings of recipes"
    )
    fusion: Literal["scores", "ranks", "best"] = Field(
        default="best",
        description="what is added: standardised scores, reciprocal ranks, or what "
        "does better in validation",
    )
    validation: Kind = Field(
        default="exam",
        description="which ratings the weights are learned on: like what the blend is for",
    )
    validation_min_users: int = Field(
        default=1_000,
        ge=1,
        description="users that a dated validation needs; as the exam, so that members' fits are "
        "shared with it",
    )
