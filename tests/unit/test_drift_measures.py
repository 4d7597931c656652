"""Every measure of drift at its bound, on figures small enough to work out by hand."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr, ValidationError

from recsys.drift.measures import LEAST_RATINGS, LEAST_WEEKS, MEASURES, PSI_BOUND, Reading, Weeks
from recsys.settings import Settings

#: Eight weeks before, alike but for a spread with the median 100 and a median absolute deviation of
#: 2.
BEFORE = np.array([98, 102, 98, 102, 97, 103, 98, 102])
#: What the bands reach: six times 1.4826 times that deviation.
REACH = 6 * 1.4826 * 2


def weeks(**changed: np.ndarray) -> Weeks:
    """Nine weeks that are all alike, but for what a test changes."""
    alike = {
        "ratings": 1_000,
        "users": 100,
        "new_users": 10,
        "movies": 200,
        "new_movies": 20,
        "of_top_movie": 20,
        "exam_scores": 0.2,
    }
    counts = {name: np.full(9, value, dtype=type(value)) for name, value in alike.items()}
    return Weeks(**{**counts, "histogram": np.full((9, 10), 100), **changed})


def nine(this_week: float, before: np.ndarray = BEFORE) -> np.ndarray:
    return np.array([this_week, *before])


def read(name: str, of: Weeks) -> Reading:
    reading = MEASURES[name](of)
    assert reading is not None
    return reading


@pytest.mark.parametrize("name", MEASURES)
def test_a_week_like_those_before_has_not_drifted(name: str) -> None:
    assert not read(name, weeks()).drifted


#: What gives a measure the figure x in the week, and in those before it `BEFORE` in the same unit;
#: and that unit.
GIVING: dict[str, tuple[Callable[[np.ndarray], dict[str, np.ndarray]], float]] = {
    "ratings a user": (lambda x: {"ratings": x * 1e6, "users": np.full(9, 1e6)}, 1.0),
    "share of new users": (lambda x: {"new_users": x * 1e6, "users": np.full(9, 1e9)}, 1e-3),
    "share of new movies": (lambda x: {"new_movies": x * 1e6, "movies": np.full(9, 1e9)}, 1e-3),
    "share of the top movie": (
        lambda x: {"of_top_movie": x * 1e6, "ratings": np.full(9, 1e9)},
        1e-3,
    ),
    "exam score": (lambda x: {"exam_scores": x * 1e-3}, 1e-3),
}
#: Half of what the band is wide at least, in that unit, around a median of 100.
LEAST = {
    "ratings a user": 50,
    "share of new users": 50,
    "share of new movies": 50,
    "share of the top movie": 20,
    "exam score": 25,
}


@pytest.mark.parametrize("name", GIVING)
@pytest.mark.parametrize("spread", [1.0, 5.0])
@pytest.mark.parametrize("side", [-1, 1])
def test_each_measure_at_its_bound(name: str, spread: float, side: int) -> None:
    """The wider of the two reaches counts: that of the weeks' own spread, and the least that is
    asked for.
    """
    give, unit = GIVING[name]
    before = 100 + (BEFORE - 100) * spread
    reach = max(REACH * spread, LEAST[name])
    inside, outside = (
        read(name, weeks(**give(nine(100 + side * (reach + over), before))))
        for over in (-0.01, 0.01)
    )
    assert (inside.drifted, outside.drifted) == (False, True)
    assert (inside.low, inside.high) == pytest.approx(((100 - reach) * unit, (100 + reach) * unit))
    assert inside.value == pytest.approx((100 + side * (reach - 0.01)) * unit)


def test_every_measure_but_the_histogram_is_tested_at_its_bound() -> None:
    assert set(GIVING) | {"rating histogram"} == set(MEASURES)


def test_what_was_expected_is_never_below_nothing() -> None:
    assert read("share of the top movie", weeks(of_top_movie=np.full(9, 1))).low == 0.0


def test_one_odd_week_before_does_not_widen_the_band() -> None:
    odd = BEFORE.copy()
    odd[3] = 10_000
    reading = read("exam score", weeks(exam_scores=nine(200, odd) * 1e-3))
    assert reading.drifted


def test_population_stability_index_by_hand() -> None:
    """500 ratings, all of one kind; before, as many a week, half of one kind, half of another. Half
    a count is added to each.
    """
    histogram = np.zeros((9, 10))
    histogram[0, 0] = 500
    histogram[1:, :2] = 250
    p = np.array([500.5, *[0.5] * 9]) / 505
    q = np.array([2000.5, 2000.5, *[0.5] * 8]) / 4005
    expected = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    reading = read("rating histogram", weeks(histogram=histogram))
    assert reading.value == pytest.approx(expected)
    assert (reading.low, reading.high, reading.drifted) == (0.0, PSI_BOUND, True)


@pytest.mark.parametrize(("beyond", "drifted"), [(-0.001, False), (0.001, True)])
def test_the_histogram_at_its_bound(beyond: float, drifted: bool) -> None:
    """Of two kinds of stars, half each before; one kind has a larger share now. So many that half
    counts do not tell.
    """
    low, high = 0.5, 0.999
    for _ in range(60):  # the share at which the index is the bound
        middle = (low + high) / 2
        index = (middle - 0.5) * math.log(middle / 0.5) + (0.5 - middle) * math.log(
            (1 - middle) / 0.5
        )
        low, high = (middle, high) if index < 0.2 else (low, middle)
    share = low + beyond
    histogram = np.zeros((9, 10))
    histogram[0, [0, 1]] = share * 1e9, (1 - share) * 1e9
    histogram[1:, :2] = 5e8
    reading = read("rating histogram", weeks(histogram=histogram))
    assert reading.drifted is drifted


def test_too_few_ratings_or_weeks_say_nothing() -> None:
    few_now = weeks(
        ratings=nine(LEAST_RATINGS - 1, np.full(8, LEAST_RATINGS)), exam_scores=np.array([0.2])
    )
    assert {read(name, few_now).drifted for name in MEASURES} == {None}
    for n_before, drifted in ((LEAST_WEEKS - 1, None), (LEAST_WEEKS, False)):
        ratings = np.array([LEAST_RATINGS] * (n_before + 1) + [LEAST_RATINGS - 1] * (8 - n_before))
        short = weeks(ratings=ratings, exam_scores=np.full(n_before + 1, 0.2))
        assert {read(name, short).drifted for name in MEASURES} == {drifted}


def test_nothing_to_measure() -> None:
    names = ("ratings", "users", "new_users", "movies", "new_movies", "of_top_movie")
    none = weeks(
        **{name: np.zeros(9, dtype=int) for name in names},
        histogram=np.zeros((9, 10)),
        exam_scores=np.array([np.nan]),
    )
    assert [measure(none) for measure in MEASURES.values()] == [None] * len(MEASURES)


def test_weeks_with_too_few_ratings_do_not_count_among_those_before() -> None:
    ratings, users = np.array([1_000] * 6 + [10] * 3), np.array([100] * 6 + [1] * 3)
    assert read("ratings a user", weeks(ratings=ratings, users=users)).low is None
    ratings[6] = 1_000
    reading = read("ratings a user", weeks(ratings=ratings, users=np.array([100] * 7 + [1] * 2)))
    assert (reading.low, reading.high) == (5.0, 15.0)


def test_a_measure_that_is_not_there_cannot_stop_a_week() -> None:
    url = SecretStr("postgresql://x")
    names: Any = "exam score, ratings a user"
    settings = Settings(database_url=url, drift_fails=names)
    assert settings.drift_fails == ("exam score", "ratings a user")
    with pytest.raises(
        ValidationError,
        match="no measure of drift is named exam scores; expected some of: ratings a user",
    ):
        Settings(database_url=url, drift_fails=("exam scores",))
