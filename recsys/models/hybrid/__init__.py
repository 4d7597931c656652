"""The recipe "hybrid": networks of ids and content, to rank and to rate."""

from recsys.models.hybrid.config import HybridConfig
from recsys.models.hybrid.recipe import Hybrid

__all__ = ["Hybrid", "HybridConfig"]
