"""The trigger form: what it refuses, and that it explains itself."""

import copy
from typing import Any

import pytest

from tests import airflow_home  # noqa: F401 - chooses Airflow's home


def resolved(dag: Any, name: str, value: Any) -> Any:
    """What the DAG's run gets where the form says `value`; of a copy, because a Param keeps what it
    has resolved.
    """
    return copy.copy(dag.params.get_param(name)).resolve(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", None),
        ("as_of", "2018-09-24"),
        ("recipes", None),
        ("recipes", ["als"]),
        ("recipes", ["popularity", "hybrid"]),
        ("recipes", ["als", "als-3f9a2c41"]),
        ("recipes", ["als[factors=128,regularization=0.02]"]),
        ("challenger", "item_knn[similarity=adjusted cosine]"),
        ("top_n", None),
        ("top_n", 1),
        ("top_n", 1000),
        ("challenger", None),
        ("challenger", "ease"),
        ("challenger", "als-3f9a2c41"),
        ("challenger_share", 0),
        ("challenger_share", 0.5),
        ("challenger_weeks", 1),
        ("force_decision", True),
        ("require_approval", None),
        ("require_approval", True),
        ("require_approval", False),
    ],
)
def test_what_the_form_takes(weekly, name: str, value: Any) -> None:
    assert resolved(weekly, name, value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", "24.9.2018"),
        ("as_of", "2018-13-01"),
        ("as_of", 20180924),
        ("recipes", "als"),
        ("recipes", []),
        ("recipes", ["als", "als"]),
        ("recipes", ["svm"]),
        ("recipes", ["svm-3f9a2c41"]),
        ("recipes", ["als-3F9A"]),
        ("recipes", ["als[]"]),
        ("recipes", ["als[factors={32,64}]"]),  # a grid is for a comparison, not for a week
        ("challenger", "als[factors=[1]]"),
        ("challenger", "als[factors=1]x"),
        ("challenger", "als-3f9a2c41[factors=1]"),
        ("top_n", 0),
        ("top_n", 1001),
        ("top_n", "10"),
        ("top_n", 2.5),
        ("challenger", "svm"),
        ("challenger", ["ease"]),
        ("challenger_share", 0.51),
        ("challenger_share", -0.1),
        ("challenger_share", None),
        ("challenger_weeks", 0),
        ("challenger_weeks", 1.5),
        ("force_decision", None),
        ("require_approval", "yes"),
    ],
)
def test_what_the_form_refuses(weekly, name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        resolved(weekly, name, value)


def test_what_the_form_starts_with_asks_for_what_is_usual(weekly) -> None:
    from recsys.request import RunRequest

    usual = RunRequest()
    form = {name: weekly.params.get_param(name).value for name in weekly.params}
    assert (form.pop("as_of"), form.pop("force_decision")) == (None, usual.force)
    assert form == {name: getattr(usual, name) for name in form}


def test_the_forms_explain_themselves(dagbag, weekly, tuning, rollback) -> None:
    from recsys.models import MODELS

    params = {
        "recipes",
        "top_n",
        "challenger",
        "challenger_share",
        "challenger_weeks",
        "force_decision",
        "require_approval",
    }
    assert set(weekly.params) == {"as_of", *params}
    assert set(tuning.params) == {"as_of", "recipes", "trials"}
    assert set(rollback.params) == {"publication_id", "reason"}
    for dag in dagbag.dags.values():
        for name in dag.params:
            schema = dag.params.get_param(name).schema
            assert schema["title"] and len(schema["description_md"]) > 50, (
                f"{name}: give it a title and a description_md"
            )
    for dag in (weekly, tuning):
        assert all(
            f"`{model}`" in dag.params.get_param("recipes").schema["description_md"]
            for model in MODELS
        )


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("as_of", None, True),
        ("as_of", "2018-09-24", True),
        ("as_of", "24.9.2018", False),
        ("recipes", None, True),
        ("recipes", ["als", "hybrid"], True),
        ("recipes", ["als[factors=128]"], True),
        ("recipes", ["als[factors={64,128}]"], False),
        ("recipes", ["als-3f9a2c41"], False),  # a tuned recipe is not tuned again: its name is
        ("recipes", [], False),
        ("trials", 2, True),
        ("trials", 1, False),
        ("trials", None, False),
        ("trials", 2.5, False),
    ],
)
def test_what_the_form_of_tuning_takes(tuning, name: str, value: Any, taken: bool) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    if taken:
        assert resolved(tuning, name, value) == value
    else:
        with pytest.raises(ParamValidationError):
            resolved(tuning, name, value)


def test_the_form_proposes_challengers_and_takes_a_tuned_one(weekly) -> None:
    from recsys.models import MODELS

    assert weekly.params.get_param("challenger").schema["examples"] == list(MODELS)
    assert resolved(weekly, "challenger", "als-3f9a2c41") == "als-3f9a2c41"


def test_a_number_with_bounds_says_them(dagbag) -> None:
    """The form moves what is typed into the bounds, without a word."""
    bounded = 0
    for dag in dagbag.dags.values():
        for name in dag.params:
            schema = dag.params.get_param(name).schema
            if "maximum" in schema:
                bounds = f"{schema['minimum']:g} to {schema['maximum']:g}"
                assert bounds in schema["description_md"], (
                    f"{dag.dag_id}, {name}: say {bounds!r} in its description"
                )
                bounded += 1
    assert bounded >= 4
