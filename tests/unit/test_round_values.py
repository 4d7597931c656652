"""The values that a chart's grid shows."""

import pytest

from recsys.round_values import round_values


@pytest.mark.parametrize(
    ("low", "high", "n", "expected"),
    [
        (0, 1, 4, [0, 0.5, 1]),
        (0, 1_000, 5, [0, 200, 400, 600, 800, 1_000]),
        (-0.22, 0.19, 6, [-0.2, -0.1, 0, 0.1]),
        (0.144, 0.326, 4, [0.15, 0.2, 0.25, 0.3]),
        (7, 7, 4, [7]),
    ],
)
def test_they_are_round_and_about_as_many(
    low: float, high: float, n: int, expected: list[float]
) -> None:
    assert round_values(low, high, n) == pytest.approx(expected)
