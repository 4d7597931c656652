"""The n best of a row: as a full sort gives them, ties by position, whatever the scores look
like.
"""

import numpy as np
import pytest

from recsys.models.top_n import top_n
from recsys.models.top_n.scores import LANES, MOST_BY_LANES

WIDTHS = (1, 7, LANES, 3 * LANES + 5)
LENGTHS = (1, 10, MOST_BY_LANES, MOST_BY_LANES + 1, 1000)


def sorted_whole(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    positions, best = (
        np.full((len(scores), n), -1),
        np.full((len(scores), n), -np.inf, dtype=np.float32),
    )
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    of_order = np.take_along_axis(scores, order, axis=1)
    best[:, : order.shape[1]] = of_order
    positions[:, : order.shape[1]] = np.where(of_order > -np.inf, order, -1)
    return positions, best


def check(scores: np.ndarray, n: int) -> None:
    for ours, expected in zip(top_n(scores, n), sorted_whole(scores, n), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("width", WIDTHS)
def test_as_a_full_sort_gives_them(n: int, width: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(40, width)).astype(np.float32)
    scores[:10] = rng.integers(0, 4, size=(10, width))
    scores[10] = 0
    scores[11:13] = -np.inf
    scores[13, 1:] = -np.inf
    scores[14, :-1] = -np.inf
    scores[15, rng.random(width) < 0.99] = -np.inf
    scores[16] = np.finfo(np.float32).min
    scores[17, rng.random(width) < 0.5] = 0
    scores[18, 0], scores[19, 0] = np.inf, -0.0
    check(scores, n)


@pytest.mark.parametrize("n", [3, 10])
def test_the_best_may_all_be_in_one_lane(n: int) -> None:
    scores = np.random.default_rng(1).random((5, 20 * LANES), dtype=np.float32)
    scores[:, 3::LANES] += 1
    check(scores, n)


def test_no_rows_and_no_columns() -> None:
    assert top_n(np.empty((0, 5), dtype=np.float32), 2)[0].shape == (0, 2)
    assert top_n(np.empty((3, 0), dtype=np.float32), 2)[0].tolist() == [[-1, -1]] * 3
