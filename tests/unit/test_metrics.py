"""Each metric against figures worked out by hand."""

import math

import numpy as np
import pytest

from recsys.evaluation.metrics import RANKING
from recsys.evaluation.metrics.average_precision import average_precision
from recsys.evaluation.metrics.coverage import coverage
from recsys.evaluation.metrics.hit_rate import hit_rate
from recsys.evaluation.metrics.mae import mae
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.metrics.precision import precision
from recsys.evaluation.metrics.recall import recall
from recsys.evaluation.metrics.reciprocal_rank import reciprocal_rank
from recsys.evaluation.metrics.rmse import rmse

# three users, lists of four: hits at ranks 1 and 3; at rank 2 alone; none
HITS = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)
N_RELEVANT = np.array([2, 10, 1])


def test_precision_divides_by_k():
    assert precision(HITS, N_RELEVANT).tolist() == [0.5, 0.25, 0.0]


def test_recall_divides_by_what_is_relevant():
    assert recall(HITS, N_RELEVANT).tolist() == [1.0, 0.1, 0.0]


def test_hit_rate():
    assert hit_rate(HITS, N_RELEVANT).tolist() == [1.0, 1.0, 0.0]


def test_reciprocal_rank_is_of_the_first_hit():
    assert reciprocal_rank(HITS, N_RELEVANT).tolist() == [1.0, 0.5, 0.0]


def test_ndcg_over_the_ideal_of_min_k_relevant():
    second = 1 / math.log2(3)
    first = (1 + 1 / 2) / (1 + second)  # discounts 1, 1/log2(3), 1/2, 1/log2(5); two relevant
    # ten relevant, but the list has four places
    ideal_of_four = 1 + second + 1 / 2 + 1 / math.log2(5)
    assert ndcg(HITS, N_RELEVANT) == pytest.approx([first, second / ideal_of_four, 0.0])


def test_average_precision_over_min_k_relevant():
    assert average_precision(HITS, N_RELEVANT) == pytest.approx(
        [(1 / 1 + 2 / 3) / 2, (1 / 2) / 4, 0.0]
    )


@pytest.mark.parametrize("name", ["NDCG@10", "MAP@10", "MRR@10", "hit rate@10"])
def test_a_perfect_list_scores_one(name):
    metric, k = RANKING[name]
    hits = np.arange(k) < np.array([1, 3, k])[:, None]
    assert metric(hits, np.array([1, 3, 40])) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("name", ["NDCG@10", "MAP@10", "MRR@10"])
def test_an_earlier_hit_is_worth_more(name):
    metric, k = RANKING[name]
    by_rank = metric(np.eye(k, dtype=bool), np.ones(k, dtype=int))
    assert (np.diff(by_rank) < 0).all()


def test_coverage_counts_each_candidate_once():
    assert coverage(np.array([0, 1, 2, 0])) == 0.5
    assert math.isnan(coverage(np.array([], dtype=int)))


def test_rmse():
    assert rmse(np.array([3.0, 5.0], dtype=np.float32), np.array([4.0, 3.0])) == pytest.approx(
        math.sqrt((1 + 4) / 2)
    )
    assert math.isnan(rmse(np.array([]), np.array([])))


def test_mae():
    assert mae(np.array([3.0, 5.0], dtype=np.float32), np.array([4.0, 3.0])) == 1.5
    assert math.isnan(mae(np.array([]), np.array([])))
