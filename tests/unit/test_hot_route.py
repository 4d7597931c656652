"""Which texts of an address are a user's plain number."""

import pytest

from recsys.arguments import MOST_ID
from recsys.serving.hot_route import plain_id


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("12", 12), (str(MOST_ID), MOST_ID)])
def test_plain_numbers(text: str, number: int) -> None:
    assert plain_id(text) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1_0", "1.0", "²", "١", "x", "0" * 30, str(MOST_ID + 1)]
)
def test_all_else_is_read_with_care(text: str) -> None:
    assert plain_id(text) is None
