"""Each metric against a well-kept implementation, on random input."""

from collections.abc import Callable

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, P, R, Success, nDCG
from scipy.spatial.distance import pdist
from scipy.stats import entropy
from sklearn.metrics import auc, mean_absolute_error, root_mean_squared_error

from recsys.evaluation.lists import Lists, unit_vectors
from recsys.evaluation.metrics import ERRORS, EXPOSURE, LISTS, RANKING, RankingMetric
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

N_USERS, N_MOVIES, N_GENRES = 40, 60, 6


def over_all_relevant(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """trec_eval divides average precision by all that is relevant, not by the most that a list of k
    can have.
    """
    return average_precision(hits, n_relevant) * np.minimum(n_relevant, hits.shape[1]) / n_relevant


THEIRS: dict[RankingMetric, tuple[RankingMetric, ir_measures.measures.Measure]] = {
    ndcg: (ndcg, nDCG),
    recall: (recall, R),
    precision: (precision, P),
    hit_rate: (hit_rate, Success),
    reciprocal_rank: (reciprocal_rank, RR),
    average_precision: (over_all_relevant, AP),
}


@pytest.mark.parametrize("k", [1, 3, 10, 50])
@pytest.mark.parametrize("metric", THEIRS, ids=lambda metric: metric.__name__)
def test_ranking_metrics_agree_with_ir_measures(metric: RankingMetric, k: int) -> None:
    rng = np.random.default_rng(k)
    lists = np.array([rng.permutation(N_MOVIES)[:50] for _ in range(N_USERS)])
    relevant = [
        rng.choice(N_MOVIES, size=rng.integers(1, 30), replace=False) for _ in range(N_USERS)
    ]
    qrels = {str(user): {str(movie): 1 for movie in movies} for user, movies in enumerate(relevant)}
    run = {
        str(user): {str(movie): -float(rank) for rank, movie in enumerate(movies)}
        for user, movies in enumerate(lists)
    }
    ours, theirs = THEIRS[metric]
    expected = {
        int(marked.query_id): marked.value
        for marked in ir_measures.iter_calc([theirs @ k], qrels, run)
    }
    hits = np.array([np.isin(movies, liked) for movies, liked in zip(lists, relevant, strict=True)])
    values = ours(hits[:, :k], np.array([len(movies) for movies in relevant]))
    assert values == pytest.approx([expected[user] for user in range(N_USERS)])


@pytest.fixture(params=range(3))
def lists(request: pytest.FixtureRequest) -> Lists:
    """Full lists of movies that are of some genre and that somebody rated."""
    rng = np.random.default_rng(request.param)
    genres = (rng.random((N_MOVIES, N_GENRES)) < 0.4).astype(np.float32)
    genres[np.arange(N_MOVIES), rng.integers(0, N_GENRES, N_MOVIES)] = 1
    positions = np.array([rng.choice(N_MOVIES, size=8, replace=False) for _ in range(N_USERS)])
    return Lists(
        positions,
        rng.integers(1, 90, N_MOVIES),
        90,
        rng.uniform(5, 60, N_USERS),
        unit_vectors(genres),
    )


def test_diversity_agrees_with_scipys_cosine_distances(lists: Lists) -> None:
    assert lists.genres is not None
    expected = np.mean([pdist(lists.genres[listed], "cosine").mean() for listed in lists.positions])
    assert intra_list_diversity(lists) == (pytest.approx(expected), N_USERS)


def test_novelty_agrees_with_scipys_cross_entropy(lists: Lists) -> None:
    """Mean self-information of what is shown: the cross entropy of shares shown and shares of
    raters.
    """
    shown = np.bincount(lists.positions.ravel(), minlength=N_MOVIES)
    cross_entropy = entropy(shown, base=2) + entropy(shown, lists.raters, base=2)
    # scipy takes shares of all ratings, novelty those of users
    to_users = np.log2(lists.n_users / lists.raters.sum())
    assert novelty(lists) == (pytest.approx(cross_entropy + to_users), N_USERS)


def test_lift_agrees_with_numpys_average(lists: Lists) -> None:
    shown = np.average(lists.raters[lists.positions])
    assert popularity_lift(lists) == (
        pytest.approx(shown / np.average(lists.own_raters) - 1),
        N_USERS,
    )


def test_gini_agrees_with_the_area_under_the_lorenz_curve(lists: Lists) -> None:
    exposure = np.sort(np.bincount(lists.positions.ravel(), minlength=N_MOVIES))
    lorenz = np.append(0, np.cumsum(exposure)) / exposure.sum()
    expected = 1 - 2 * auc(np.linspace(0, 1, N_MOVIES + 1), lorenz)
    assert gini(lists.exposure()) == pytest.approx(expected)


def test_gini_agrees_with_what_lenskit_says() -> None:
    """ListGini of LensKit 2025.8.1 on these lists of 12 movies; it wants an older pandas, so it is
    not installed here.
    """
    lists = [
        [2, 11, 6, 7, 1],
        [3, 2, 0, 1, 5],
        [1, 7, 2, 5, 6],
        [8, 0, 2, 1, 3],
        [2, 4, 3, 0, 5],
        [0, 2, 3, 5, 7],
        [0, 9, 5, 11, 2],
    ]
    assert gini(np.bincount(np.ravel(lists), minlength=12)) == pytest.approx(0.3880952380952381)


def test_the_fallbacks_share_agrees_with_counting() -> None:
    empty = [[-1, -1], [3, -1], [-1, -1], [1, 2], [0, 1]]
    lists = Lists(np.array(empty), np.ones(4, dtype=np.int64), 5, np.ones(5))
    assert fallback_share(lists) == (
        sum(max(places) < 0 for places in empty) / len(empty),
        len(empty),
    )


def test_coverage_agrees_with_a_set(lists: Lists) -> None:
    few = lists.of_users(np.arange(4))
    assert coverage(few.exposure()) == pytest.approx(
        len(set(few.positions.ravel().tolist())) / N_MOVIES
    )


@pytest.mark.parametrize(
    ("ours", "theirs"), [(rmse, root_mean_squared_error), (mae, mean_absolute_error)]
)
def test_errors_agree_with_scikit_learn(
    ours: Callable[..., float], theirs: Callable[..., float]
) -> None:
    rng = np.random.default_rng(4)
    predicted, actual = rng.uniform(0.5, 5, (2, 1_000)).astype(np.float32)
    assert ours(predicted, actual) == pytest.approx(theirs(actual, predicted), rel=1e-6)


def test_every_metric_is_compared() -> None:
    assert {metric for metric, _ in RANKING.values()} == set(THEIRS)
    assert {metric for metric, _ in LISTS.values()} == {
        intra_list_diversity,
        novelty,
        popularity_lift,
        fallback_share,
    }
    assert {metric for metric, _ in EXPOSURE.values()} == {gini, coverage}
    assert set(ERRORS.values()) == {rmse, mae}
