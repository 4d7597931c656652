"""The bootstrap intervals: what they must find, what they must not, and that they are the same
twice.
"""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from recsys.evaluation.comparison import (
    Interval,
    paired_bootstrap,
    simultaneous_intervals,
    two_sample_bootstrap,
    users_needed,
)


def scores(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(n).astype(np.float32)


def mostly_zero(n: int, k: int, *, seed: int = 0) -> np.ndarray:
    """Differences (n, k) as of an exam that most users fail with every model, the rest skewed to
    the right.
    """
    rng = np.random.default_rng(seed)
    return rng.exponential(size=(n, k)) * (rng.random(n) < 0.3)[:, None]


def test_interval_agrees_with_normal_theory():
    a, b = scores(2_000), scores(2_000, seed=1)
    interval = paired_bootstrap(a, b, resamples=4_000, seed=7)
    difference = a.astype(float) - b
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    assert interval.n == 2_000
    assert interval.mean == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - half, abs=half / 10)
    assert interval.high == pytest.approx(difference.mean() + half, abs=half / 10)


def test_pairing_finds_what_is_small_but_the_same_for_everyone():
    hard_and_easy = scores(500)
    interval = paired_bootstrap(hard_and_easy + 0.001, hard_and_easy, resamples=500, seed=1)
    assert interval.low == pytest.approx(0.001, rel=1e-3)


def test_equal_scores_have_an_empty_interval():
    interval = paired_bootstrap(scores(50), scores(50), resamples=200, seed=1)
    assert (interval.mean, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_sides_are_different():
    a, b = scores(300), scores(300, seed=1)
    ahead, behind = (
        paired_bootstrap(a, b, resamples=500, seed=1),
        paired_bootstrap(b, a, resamples=500, seed=1),
    )
    assert (ahead.mean, ahead.low, ahead.high) == pytest.approx(
        (-behind.mean, -behind.high, -behind.low)
    )


def test_level_widens_the_interval():
    wide, narrow = (
        paired_bootstrap(scores(300), scores(300, seed=1), resamples=500, seed=1, level=level)
        for level in (0.99, 0.5)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


def test_seed_decides_and_nothing_else():
    a, b = scores(300), scores(300, seed=1)
    assert paired_bootstrap(a, b, resamples=500, seed=1) == paired_bootstrap(
        a, b, resamples=500, seed=1
    )
    assert paired_bootstrap(a, b, resamples=500, seed=1) != paired_bootstrap(
        a, b, resamples=500, seed=2
    )


def test_one_challenger_is_compared_as_a_pair_is():
    a, b = scores(300), scores(300, seed=1)
    alone = simultaneous_intervals((a.astype(float) - b)[:, None], resamples=500, seed=1)
    assert alone == [paired_bootstrap(a, b, resamples=500, seed=1)]


def test_resamples_are_those_of_users_drawn_one_by_one():
    differences = mostly_zero(60, 1)
    interval = simultaneous_intervals(differences, resamples=20_000, seed=1)[0]
    drawn = np.random.default_rng(2).integers(60, size=(20_000, 60))
    strayed = differences[:, 0][drawn].mean(axis=1) - interval.mean
    tolerance = strayed.std() / 20
    assert interval.mean - interval.low == pytest.approx(np.quantile(strayed, 0.975), abs=tolerance)
    assert interval.high - interval.mean == pytest.approx(
        -np.quantile(strayed, 0.025), abs=tolerance
    )
    # or the ends could be exchanged
    assert interval.mean - interval.low > 1.1 * (interval.high - interval.mean)


def test_spread_and_critical_value_lead_to_the_lower_end():
    differences = mostly_zero(400, 3)
    for column, interval in zip(
        differences.T, simultaneous_intervals(differences, resamples=500, seed=1), strict=True
    ):
        assert interval.sd == pytest.approx(column.std())
        assert interval.low == pytest.approx(
            interval.mean - interval.critical * interval.sd / np.sqrt(interval.n)
        )


def test_four_that_are_not_alike_are_asked_as_much_as_the_luckiest_of_four():
    differences = np.random.default_rng(1).normal(size=(2_000, 4))
    intervals = simultaneous_intervals(differences, resamples=10_000, seed=1)
    assert {interval.critical for interval in intervals} == {intervals[0].critical}
    assert intervals[0].critical == pytest.approx(NormalDist().inv_cdf(0.975 ** (1 / 4)), abs=0.1)


def test_two_that_are_the_same_are_asked_no_more_than_one():
    one = np.random.default_rng(1).normal(size=(500, 1))
    alone, twins = (
        simultaneous_intervals(each, resamples=500, seed=1) for each in (one, np.hstack([one, one]))
    )
    assert twins[0] == twins[1]
    assert twins[0].critical == pytest.approx(alone[0].critical)


def test_scale_of_one_challenger_does_not_widen_anothers_interval():
    differences = np.random.default_rng(1).normal(size=(500, 2))
    as_they_are, one_large = (
        simultaneous_intervals(differences * [1.0, by], resamples=500, seed=1)[0]
        for by in (1.0, 100.0)
    )
    assert (one_large.low, one_large.high) == pytest.approx((as_they_are.low, as_they_are.high))


@pytest.mark.parametrize("always", [0.0, 0.1])
def test_the_same_for_everyone_is_certain_and_leaves_the_others_as_they_were(always):
    moving = np.random.default_rng(1).normal(size=(501, 1))
    beside = simultaneous_intervals(
        np.hstack([moving, np.full((501, 1), always)]), resamples=500, seed=1
    )
    alone = simultaneous_intervals(moving, resamples=500, seed=1)
    assert (beside[1].low, beside[1].high, beside[1].sd) == (
        pytest.approx(always),
        pytest.approx(always),
        0.0,
    )
    assert (beside[0].low, beside[0].high) == pytest.approx((alone[0].low, alone[0].high))


def test_no_challenger_has_no_interval():
    assert simultaneous_intervals(np.empty((10, 0)), resamples=100, seed=1) == []


def test_users_needed_are_those_of_the_textbook():
    of_two_sides = Interval(
        mean=0.0, low=0.0, high=0.0, n=50, sd=0.2, critical=NormalDist().inv_cdf(0.975)
    )
    assert users_needed(of_two_sides, 0.01, power=0.8) == 3_140  # (1.960 + 0.842)² × 20² = 3,139.6
    assert users_needed(of_two_sides, 0.01) > 3_140


def test_users_needed_grow_with_challengers_and_shrink_with_the_effect():
    few = Interval(mean=0.0, low=0.0, high=0.0, n=50, sd=0.2, critical=1.96)
    assert (
        users_needed(replace(few, critical=2.5), 0.01)
        > users_needed(few, 0.01)
        > users_needed(few, 0.02)
    )


def test_where_all_are_alike_one_user_is_enough():
    assert (
        users_needed(Interval(mean=0.1, low=0.1, high=0.1, n=50, sd=0.0, critical=0.0), 0.01) == 1
    )


def test_two_groups_agree_with_normal_theory():
    a, b = scores(4_000), scores(500, seed=1) / 4
    interval = two_sample_bootstrap(a, b, resamples=4_000, seed=7)
    error = float(np.sqrt(a.var() / 4_000 + b.var() / 500))
    assert interval.n == 4_500
    assert interval.sd / np.sqrt(interval.n) == pytest.approx(error)
    assert interval.mean == pytest.approx(float(a.mean(dtype=float)) - float(b.mean(dtype=float)))
    assert interval.low == pytest.approx(interval.mean - 1.96 * error, abs=error / 5)
    assert interval.high == pytest.approx(interval.mean + 1.96 * error, abs=error / 5)


def test_two_groups_are_not_paired():
    """The same scores on both sides: as pairs nothing is uncertain, as strangers everything is."""
    interval = two_sample_bootstrap(scores(300), scores(300), resamples=500, seed=1)
    assert interval.mean == 0.0
    assert interval.low < -0.02 < 0.02 < interval.high


def test_two_groups_same_seed_same_interval():
    a, b = scores(300), scores(200, seed=1)
    assert two_sample_bootstrap(a, b, resamples=500, seed=1) == two_sample_bootstrap(
        a, b, resamples=500, seed=1
    )
    assert two_sample_bootstrap(a, b, resamples=500, seed=1) != two_sample_bootstrap(
        a, b, resamples=500, seed=2
    )
