"""Recipes on the graph of users and the movies that they liked."""

from recsys.models.graph.attention import GraphAttention, GraphAttentionConfig
from recsys.models.graph.lightgcn import LightGCN, LightGCNConfig
from recsys.models.graph.ngcf import NGCF, NGCFConfig

__all__ = [
    "NGCF",
    "GraphAttention",
    "GraphAttentionConfig",
    "LightGCN",
    "LightGCNConfig",
    "NGCFConfig",
]
