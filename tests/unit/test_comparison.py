"""The paired bootstrap: what it must find, what it must not, and that it is the same twice."""

import numpy as np
import pytest

from recsys.evaluation import comparison
from recsys.evaluation.comparison import paired_bootstrap


def marks(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(n).astype(np.float32)


def test_interval_agrees_with_normal_theory():
    a, b = marks(2_000), marks(2_000, seed=1)
    interval = paired_bootstrap(a, b, resamples=4_000, seed=7)
    difference = a.astype(float) - b
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    assert interval.n == 2_000
    assert interval.mean == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - half, abs=half / 10)
    assert interval.high == pytest.approx(difference.mean() + half, abs=half / 10)


def test_pairing_finds_what_is_small_but_the_same_for_everyone():
    hard_and_easy = marks(500)
    interval = paired_bootstrap(hard_and_easy + 0.001, hard_and_easy, resamples=500, seed=1)
    assert interval.low == pytest.approx(0.001, rel=1e-3)


def test_equal_marks_have_an_empty_interval():
    interval = paired_bootstrap(marks(50), marks(50), resamples=200, seed=1)
    assert (interval.mean, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_sides_are_told_apart():
    a, b = marks(300), marks(300, seed=1)
    ahead, behind = paired_bootstrap(a, b, resamples=500, seed=1), paired_bootstrap(b, a, resamples=500, seed=1)
    assert (ahead.mean, ahead.low, ahead.high) == pytest.approx((-behind.mean, -behind.high, -behind.low))


def test_level_widens_the_interval():
    wide, narrow = (paired_bootstrap(marks(300), marks(300, seed=1), resamples=500, seed=1, level=level) for level in (0.99, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_seed_decides_and_nothing_else():
    a, b = marks(300), marks(300, seed=1)
    assert paired_bootstrap(a, b, resamples=500, seed=1) == paired_bootstrap(a, b, resamples=500, seed=1)
    assert paired_bootstrap(a, b, resamples=500, seed=1) != paired_bootstrap(a, b, resamples=500, seed=2)


def test_every_resample_is_drawn_when_blocks_are_small(monkeypatch):
    a, b = marks(300), marks(300, seed=1)
    whole = paired_bootstrap(a, b, resamples=500, seed=1)
    monkeypatch.setattr(comparison, "DRAWS", 70 * 300)  # 500 is no multiple of 70
    blocks = paired_bootstrap(a, b, resamples=500, seed=1)
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high), abs=2e-3)
