"""The trigger form: what it refuses, and that it explains itself."""

from typing import Any

import pytest

from tests import airflow_home  # noqa: F401 - chooses Airflow's home


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", None),
        ("as_of", "2018-09-24"),
        ("recipes", None),
        ("recipes", ["als"]),
        ("recipes", ["popularity", "hybrid"]),
        ("top_n", None),
        ("top_n", 1),
        ("top_n", 1000),
    ],
)
def test_what_the_form_takes(weekly, name: str, value: Any) -> None:
    assert weekly.params.get_param(name).resolve(value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", "24.9.2018"),
        ("as_of", "2018-13-01"),
        ("as_of", 20180924),
        ("recipes", "als"),
        ("recipes", []),
        ("recipes", ["als", "als"]),
        ("recipes", ["svd"]),
        ("top_n", 0),
        ("top_n", 1001),
        ("top_n", "10"),
        ("top_n", 2.5),
    ],
)
def test_what_the_form_refuses(weekly, name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        weekly.params.get_param(name).resolve(value)


def test_the_form_explains_itself(weekly) -> None:
    from recsys.models import MODELS

    assert set(weekly.params) == {"as_of", "recipes", "top_n"}
    for name in weekly.params:
        schema = weekly.params.get_param(name).schema
        assert schema["title"] and len(schema["description_md"]) > 50, f"{name}: give it a title and a description_md"
    assert all(f"`{model}`" in weekly.params.get_param("recipes").schema["description_md"] for model in MODELS)
