"""What a fit may look at: point-in-time interactions, and the content of movies."""

__all__ = [
    "catalogue",
    "common_raters",
    "content_similarity",
    "histories",
    "interactions",
    "raters",
    "stored_train",
    "train",
    "visible",
]
