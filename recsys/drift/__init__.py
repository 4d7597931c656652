"""Drift: the week against the weeks before it, by what people rate and by how well the champion
still does.
"""

__all__ = ["measures", "watch"]
