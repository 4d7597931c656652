"""From a model version to a live publication: candidates by shard, then the rules of
sql/batch_recommendations.sql.
"""

__all__ = ["candidates", "filling", "histories", "outlived", "publish", "shards", "spec", "stored"]
