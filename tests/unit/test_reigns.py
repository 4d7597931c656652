"""What a rollback without a number goes back to."""

import pytest

from recsys.promotion.reigns import Flip, standing_reigns


def published(*numbers: int) -> list[Flip]:
    return [(number, "published") for number in numbers]


def back(number: int) -> Flip:
    return number, "rolled back"


@pytest.mark.parametrize(
    ("flips", "standing"),
    [
        ([], []),
        (published(1, 2, 3), [1, 2, 3]),
        ([*published(1, 2, 3), back(2)], [1, 2]),
        ([*published(1, 2, 3), back(2), back(1)], [1]),
        ([*published(1, 2, 3), back(1)], [1]),
        ([*published(1, 2, 3), back(2), *published(4)], [1, 2, 4]),
        ([*published(1, 2, 3), back(2), *published(4), back(2), back(1)], [1]),
        ([*published(1, 2), back(1), (2, "rolled forward")], [1, 2]),
        ([*published(1, 2), back(1), (2, "rolled forward"), back(1)], [1]),
        # what was rolled back from is gone wherever it stood
        ([*published(1, 2, 3, 2), back(3)], [1, 3]),
        ([*published(2, 3), back(1)], [2, 1]),  # to one that was never live, as a backfill's
        ([*published(1, 2, 3), (4, "by hand")], [1, 2, 3, 4]),
    ],
)
def test_what_was_rolled_back_from_does_not_stand(flips: list[Flip], standing: list[int]) -> None:
    assert standing_reigns(flips) == standing
