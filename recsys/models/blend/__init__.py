"""The recipe "blend": a weighted sum of other recipes' lists, with weights that are learned."""

from recsys.models.blend.config import BlendConfig, Member
from recsys.models.blend.recipe import Blend

__all__ = ["Blend", "BlendConfig", "Member"]
