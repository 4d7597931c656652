"""The weekly movie recommender. `recsys.steps` is the way in."""

__all__ = ["errors", "run", "settings", "steps"]
