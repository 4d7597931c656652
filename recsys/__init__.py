"""The weekly movie recommender. `recsys.steps` is the way in."""
