"""The n best movies of many users, exactly: by a matrix of scores, or by vectors whose products are
the scores.
"""

from recsys.models.top_n.exact import EXACT_WIDTH
from recsys.models.top_n.products import Eligibility, best_products, dot_scores
from recsys.models.top_n.scores import empty_lists, mask_seen, top_n

__all__ = [
    "EXACT_WIDTH",
    "Eligibility",
    "best_products",
    "dot_scores",
    "empty_lists",
    "mask_seen",
    "top_n",
]
