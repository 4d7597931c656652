"""From a model version to a live publication: candidates by shard, then the rules of
sql/batch_recommendations.sql.
"""

__all__ = [
    "candidates",
    "fallback",
    "filling",
    "outlived",
    "publish",
    "reasons",
    "shards",
    "similar",
    "spec",
    "stored",
]
