"""What an exam measures. A ranking metric is one module and one line in `RANKING`.

Each ranking metric takes `hits` (U, k) bool in rank order and `n_relevant` (U,) int ≥ 1, and gives (U,) float64, a value
for each user.
"""

from collections.abc import Callable

import numpy as np

from recsys.evaluation.metrics.average_precision import average_precision
from recsys.evaluation.metrics.hit_rate import hit_rate
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.metrics.precision import precision
from recsys.evaluation.metrics.recall import recall
from recsys.evaluation.metrics.reciprocal_rank import reciprocal_rank

RankingMetric = Callable[[np.ndarray, np.ndarray], np.ndarray]

#: What decides.
DECIDING = "NDCG@10"

#: Name in the exam's table → (metric, k).
RANKING: dict[str, tuple[RankingMetric, int]] = {
    DECIDING: (ndcg, 10),
    "Recall@10": (recall, 10),
    "Recall@20": (recall, 20),
    "MAP@10": (average_precision, 10),
    "MRR@10": (reciprocal_rank, 10),
    "hit rate@10": (hit_rate, 10),
    "precision@10": (precision, 10),
}
COVERAGE = "coverage@10"
RMSE = "RMSE"
