"""What an exam is: the split, the metrics, the paired comparison of two models."""

__all__ = ["comparison", "hits", "holdout", "lists", "metrics", "sketch", "split"]
