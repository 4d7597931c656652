"""The sketch of an exam: what two have in common, exactly where they are small, nearly where they
are not.
"""

import numpy as np
import pytest

from recsys.evaluation.sketch import SKETCH, shared_share, sketch_of
from recsys.features.interactions import Interactions

MOVIES = np.arange(1, 101)
NOON = 1_800_000_000


def rows(first: int, last: int) -> Interactions:
    """An exam of the rows numbered first … last − 1, a hundred a user; the same number is always
    the same row.
    """
    number = np.arange(first, last)
    return Interactions.of(
        number // 100, number % 100 + 1, np.full(len(number), 4.0), NOON + number, movie_ids=MOVIES
    )


def one_row(user: int, movie: int, rated_at: int, movie_ids: np.ndarray = MOVIES) -> Interactions:
    return Interactions.of(
        np.array([user]),
        np.array([movie]),
        np.array([4.0]),
        np.array([rated_at]),
        movie_ids=movie_ids,
    )


def share(now: Interactions, before: Interactions) -> float:
    return shared_share(sketch_of(now), sketch_of(before))


def test_small_exams_are_compared_exactly():
    assert share(rows(0, 1_000), rows(250, 1_250)) == 0.75
    assert share(rows(0, 1_000), rows(0, 500)) == 0.5
    assert share(rows(0, 500), rows(0, 1_000)) == 1.0
    assert share(rows(0, 500), rows(500, 1_000)) == 0.0


@pytest.mark.parametrize("shared", [0.1, 0.5, 0.9])
def test_large_exams_are_compared_nearly(shared):
    n = 30_000
    before = n - round(shared * n)
    assert share(rows(0, n), rows(before, before + n)) == pytest.approx(shared, abs=0.03)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ((0, 30_000), (0, 120_000), 1.0),
        ((0, 120_000), (0, 30_000), 0.25),
        ((0, 3_000), (0, 60_000), 1.0),  # only the older one's sketch is full
        ((0, 60_000), (0, 3_000), 0.05),  # only the newer one's
        ((0, 6_000), (2_000, 4_000), 1 / 3),
    ],
)
def test_exams_need_not_be_of_one_size(now, before, expected):
    assert share(rows(*now), rows(*before)) == pytest.approx(expected, abs=0.03)


def test_one_more_row_than_a_sketch_holds_is_no_jump():
    for n in (SKETCH - 1, SKETCH, SKETCH + 1):
        assert share(rows(0, n), rows(0, 2 * n)) == 1.0


def test_user_movie_and_moment_make_a_row():
    same = one_row(7, 8, NOON)
    assert share(same, one_row(7, 8, NOON)) == 1.0
    for other in (
        one_row(8, 7, NOON),
        one_row(7, 9, NOON),
        one_row(9, 8, NOON),
        one_row(7, 8, NOON + 1),
    ):
        assert share(same, other) == 0.0


def test_a_row_is_the_same_over_another_catalogue():
    assert share(one_row(7, 8, NOON), one_row(7, 8, NOON, movie_ids=np.arange(5, 30))) == 1.0


def test_sketch_is_the_smallest_hashes_ascending():
    small, large = sketch_of(rows(0, 3_000)), sketch_of(rows(0, 30_000))
    assert (len(small), len(large)) == (3_000, SKETCH)
    for sketch in (small, large):
        assert sketch.dtype == np.int64
        assert (np.diff(sketch) > 0).all()
    in_both = small[small <= large[-1]]
    assert np.isin(in_both, large).all()


def test_hashes_of_neighbouring_rows_spread_evenly():
    counts, _ = np.histogram(
        sketch_of(rows(0, 4_000)).astype(np.float64), bins=10, range=(-(2.0**63), 2.0**63)
    )
    assert counts == pytest.approx(400, abs=80)


def test_hash_stays_what_it_was_when_the_ledgers_sketches_were_made():
    assert sketch_of(one_row(7, 8, NOON)).tolist() == [547696600947363293]


def test_an_empty_exam_shares_nothing():
    assert len(sketch_of(rows(0, 0))) == 0
    assert share(rows(0, 0), rows(0, 10)) == share(rows(0, 10), rows(0, 0)) == 0.0
