"""Whether reasons are true: the movie that is cited most is deleted from a history, the recipe is
asked again, and the recommended movie's score must fall by more than for any other like.
"""

__all__ = ["measuring", "table"]
