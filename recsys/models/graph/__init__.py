"""Recipes on the graph of users and the movies that they liked."""

from recsys.models.graph.lightgcn import LightGCN, LightGCNConfig

__all__ = ["LightGCN", "LightGCNConfig"]
