"""What a fit may look at: point-in-time interactions, and the content of movies."""

__all__ = ["catalogue", "interactions", "raters", "stored_train", "train", "visible"]
