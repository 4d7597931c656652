"""The n best movies of many users, exactly: by a matrix of scores, or by vectors whose products are
the scores.
"""

from recsys.models.top_n.exact import EXACT_WIDTH
from recsys.models.top_n.products import best_products, dot_scores
from recsys.models.top_n.scores import mask_seen, top_n

__all__ = ["EXACT_WIDTH", "best_products", "dot_scores", "mask_seen", "top_n"]
