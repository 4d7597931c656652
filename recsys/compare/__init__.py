"""Recipes fitted and evaluated on one exam, beside each other and outside any week's decision: it
reads facts, and writes no table.
"""

__all__ = ["chart", "comparing", "data", "results", "runs", "standings"]
