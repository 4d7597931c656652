"""Numbers out of their limits: refused by name, in the same words wherever they come from."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from recsys.bounds import Bounds
from recsys.errors import RequestError
from recsys.limits import LIMITS, check_limits, check_reason
from recsys.settings import Settings

NUMBERS = [
    name for name, field in Settings.model_fields.items() if field.annotation in (int, float)
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_n", 0),
        ("top_n", -3),
        ("top_n", 1_001),
        ("top_n", 3_000_000_000),
        ("top_n", 2.5),
        ("top_n", "10"),
        ("top_n", True),
        ("challenger_share", -0.1),
        ("challenger_share", 0.51),
        ("challenger_share", float("nan")),
        ("challenger_weeks", 0),
        ("challenger_weeks", 53),
        ("trials", 1),
        ("trials", 10**6),
        ("seed", -1),
        ("seed", 2**32),
        ("like_threshold", float("inf")),
        ("half_life_days", 0),
        ("half_life_days", float("nan")),
        ("min_history", 0),
        ("exam_min_users", 0),
    ],
)
def test_a_number_out_of_its_limits_is_named(name: str, value: Any) -> None:
    with pytest.raises(
        RequestError,
        match=rf"^{name} is .*; expected .* from .* to .*Nothing was "
        r"changed$",
    ):
        check_limits({name: value})


def test_each_number_that_is_wrong_is_named_and_the_ends_are_right() -> None:
    with pytest.raises(RequestError, match=r"top_n is 0; .*; challenger_weeks is 99;"):
        check_limits({"top_n": 0, "challenger_weeks": 99, "seed": 1})
    for name, limit in LIMITS.items():
        check_limits({name: limit.least})
        check_limits({name: limit.most})
    check_limits({"top_n": None, "challenger": "als"})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e300"])
def test_no_setting_takes_a_number_that_there_cannot_be(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({"database_url": SecretStr("x"), name: value})


def test_settings_have_the_limits_of_what_a_run_may_name() -> None:
    names = {"popularity_half_life_days": "half_life_days"}
    for setting in NUMBERS:
        limit = LIMITS.get(names.get(setting, setting))
        if limit is None:
            continue
        for value in (limit.least, limit.most):
            Settings.model_validate({"database_url": SecretStr("x"), setting: value})
        with pytest.raises(ValidationError):
            Settings.model_validate({"database_url": SecretStr("x"), setting: limit.most + 1})
    assert set(Bounds.model_fields) <= set(NUMBERS)


@pytest.mark.parametrize("reason", ["", "   ", "\n\t", None])
def test_an_empty_reason_is_none(reason: str | None) -> None:
    with pytest.raises(RequestError, match="the reason is empty"):
        check_reason(reason)


def test_a_reason_loses_the_blanks_around_it() -> None:
    assert check_reason("  odd lists \n") == "odd lists"
