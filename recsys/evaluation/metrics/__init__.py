"""What an exam measures. A metric is one module and one line in one of four dicts, by its input.

- `RANKING`: which places of a list are hits. Takes `hits` (U, k) bool in rank order and
  `n_relevant` (U,) int ≥ 1, and returns (U,) float64, a value for each user.
- `LISTS`: what the lists are made of, hit or not. Takes `Lists`, and returns the value with how
  many lists it is a mean over.
- `EXPOSURE`: which movies reach anyone. Takes `exposure` (C,) int, how many lists each candidate
  is in, and returns a float.
- `ERRORS`: predicted stars. Takes predicted (K,) and actual (K,), and returns a float.

All work at any k; the k of each is the one of the exam's table.
"""

from collections.abc import Callable

import numpy as np

from recsys.evaluation.lists import Figure, Lists
from recsys.evaluation.metrics.average_precision import average_precision
from recsys.evaluation.metrics.coverage import coverage
from recsys.evaluation.metrics.fallback_share import fallback_share
from recsys.evaluation.metrics.gini import gini
from recsys.evaluation.metrics.hit_rate import hit_rate
from recsys.evaluation.metrics.intra_list_diversity import intra_list_diversity
from recsys.evaluation.metrics.mae import mae
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.metrics.novelty import novelty
from recsys.evaluation.metrics.popularity_lift import popularity_lift
from recsys.evaluation.metrics.precision import precision
from recsys.evaluation.metrics.recall import recall
from recsys.evaluation.metrics.reciprocal_rank import reciprocal_rank
from recsys.evaluation.metrics.rmse import rmse

__all__ = [
    "DECIDING",
    "ERRORS",
    "EXPOSURE",
    "LISTS",
    "RANKING",
    "ErrorMetric",
    "ExposureMetric",
    "ListMetric",
    "RankingMetric",
]

RankingMetric = Callable[[np.ndarray, np.ndarray], np.ndarray]
ListMetric = Callable[[Lists], Figure]
ExposureMetric = Callable[[np.ndarray], float]
ErrorMetric = Callable[[np.ndarray, np.ndarray], float]

#: What decides.
DECIDING = "NDCG@10"

#: Name in the exam's table → (metric, k), here and in the next two.
RANKING: dict[str, tuple[RankingMetric, int]] = {
    DECIDING: (ndcg, 10),
    "Recall@10": (recall, 10),
    "Recall@20": (recall, 20),
    "MAP@10": (average_precision, 10),
    "MRR@10": (reciprocal_rank, 10),
    "hit rate@10": (hit_rate, 10),
    "precision@10": (precision, 10),
}
LISTS: dict[str, tuple[ListMetric, int]] = {
    "novelty@10": (novelty, 10),
    "diversity@10": (intra_list_diversity, 10),
    "popularity lift@10": (popularity_lift, 10),
    "fallback share@10": (fallback_share, 10),
}
EXPOSURE: dict[str, tuple[ExposureMetric, int]] = {
    "coverage@10": (coverage, 10),
    "Gini@10": (gini, 10),
}
ERRORS: dict[str, ErrorMetric] = {"RMSE": rmse, "MAE": mae}
