"""Recipes as people write them: read, refused with the place, and written again."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from recsys import cli
from recsys.cli import screen
from recsys.errors import ModelError
from recsys.models import MODELS, model_class
from recsys.overrides import MOST_COMBINATIONS, parse_grid, parse_recipe, written, written_value
from recsys.recipe import Recipe
from recsys.settings import Settings
from recsys.terminal import terminal


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("als", "als", {}),
        ("als[factors=128]", "als", {"factors": 128}),
        (
            " als [ factors = 128 ,regularization=2e-2 ] ",
            "als",
            {"factors": 128, "regularization": 0.02},
        ),
        ("als[regularization=3]", "als", {"regularization": 3.0}),
        ("als[recency_half_life_days=none]", "als", {}),
        ("popularity[half_life_days=None]", "popularity", {"half_life_days": None}),
        (
            "item_knn[similarity=adjusted cosine]",
            "item_knn",
            {"similarity": "adjusted cosine"},
        ),
        ("blend[fusion=ranks]", "blend", {"fusion": "ranks"}),
    ],
)
def test_a_text_is_a_recipe_with_settings(text: str, name: str, settings: dict[str, Any]) -> None:
    assert parse_recipe(text) == Recipe.of(name, **settings)


def test_an_override_has_a_key_of_its_own_and_a_default_written_out_has_not() -> None:
    assert parse_recipe("als[factors=128]").key != Recipe.of("als").key
    assert parse_recipe("als[factors=64]").key == Recipe.of("als").key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'': position 1: found the end; expected a recipe's name"),
        ("[x]", "position 1: found '[x]'; expected a recipe's name"),
        ("svd_of_mine[factors=1]", "found recipe 'svd_of_mine'; expected one of popularity, als,"),
        ("als[", "position 5: found the end; expected a setting's name"),
        ("als[]", "position 5: found ']'; expected a setting's name"),
        ("als[factors]", "position 12: found ']'; expected '='"),
        ("als[factors=]", "position 13: found ']'; expected a value"),
        ("als[factors=1", "position 14: found the end; expected ',' or ']'"),
        ("als[factors=1,]", "position 15: found ']'; expected a setting's name"),
        ("als[factors=1] x", "position 16: found 'x'; expected the end of the text"),
        ("als]", "position 4: found ']'; expected '[' or the end of the text"),
        ("als[factors=[1]]", "position 13: found '[1]]'; expected a value"),
        ("als[factors={1,2]", "position 17: found ']'; expected ',' or '}'"),
        ("als[factors={}]", "position 14: found '}]'; expected a value"),
        ("als[factors=1,factors=2]", "position 15: found 'factors=2]'; expected each setting once"),
        ("als[factors={1,2}]", "position 13: found a grid of values in braces; expected one value"),
        ("als[facors=1]", "'facors' of als is no setting; expected some of factors, rating_weight"),
        ("blend[members=als]", "'members' of blend has parts of its own, which are not written"),
        ("als[factors=0]", "factors is 0; expected greater than or equal to 1"),
        ("als[factors=513]", "factors is 513; expected less than or equal to 512"),
        ("als[factors=1.5]", "factors is 1.5; expected a valid integer"),
        ("als[factors=true]", "factors is True; expected a valid integer"),
        ("als[factors=none]", "factors is None; expected a valid integer"),
        ("als[factors=6O]", "factors is '6O'; expected a valid integer"),
        ("als[factors=1,iterations=0]", "iterations is 0; expected greater than or equal to 1"),
        ("als[regularization=nan]", "regularization is 'nan'; expected a valid number"),
        ("als[regularization=1e999]", "regularization is '1e999'; expected a valid number"),
        ("als[regularization=__import__('os')]", "expected a valid number"),
        ("item_knn[similarity=tanimoto]", "similarity is 'tanimoto'; expected 'cosine', "),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        parse_recipe(text)
    assert message in str(raised.value)
    assert repr(text) in str(raised.value)


def test_a_grid_is_every_combination_in_order() -> None:
    recipes = parse_grid("als[factors={32,64},iterations={2, 3}]")
    assert [
        (dict(each.settings)["factors"], dict(each.settings)["iterations"]) for each in recipes
    ] == [
        (32, 2),
        (32, 3),
        (64, 2),
        (64, 3),
    ]


def test_a_grid_has_at_most_a_hundred_combinations() -> None:
    values = ",".join(str(number) for number in range(1, MOST_COMBINATIONS + 1))
    assert len(parse_grid(f"als[factors={{{values}}}]")) == MOST_COMBINATIONS == 100
    with pytest.raises(ModelError, match="found 101 combinations of values; expected at most 100"):
        parse_grid(f"als[factors={{{values},101}}]")
    tens = "{1,2,3,4,5,6,7,8,9,10}"
    with pytest.raises(ModelError, match="found 1,000 combinations"):
        parse_grid(f"als[factors={tens},iterations={tens},rating_weight={tens}]")


def test_a_value_that_stands_twice_is_one_recipe() -> None:
    assert len(parse_grid("als[regularization={0.1,1e-1,0.2}]")) == 2


NUMBERS = st.floats(min_value=1e-6, max_value=1e6)
ALS = st.fixed_dictionaries(
    {},
    optional={
        "factors": st.integers(1, 512),
        "regularization": NUMBERS,
        "rating_weight": st.just(0.0) | NUMBERS,
        "iterations": st.integers(1, 10**12),
        "recency_half_life_days": st.none() | NUMBERS,
    },
)


@hypothesis_settings(deadline=None)  # the first example imports the recipe
@given(ALS)
@example({"regularization": 5e-324})
@example({"regularization": 1.7976931348623157e308})
def test_what_is_written_is_read_as_the_same_recipe(settings: dict[str, Any]) -> None:
    recipe = Recipe.of("als", **settings)
    assert parse_recipe(written(recipe)) == recipe


@hypothesis_settings(deadline=None)
@given(st.text(alphabet="als[]{}=,.0123456789factors -e'\"\n", max_size=40))
def test_any_text_is_a_recipe_or_a_sentence(text: str) -> None:
    try:
        recipes = parse_grid(text)
    except ModelError:
        return
    assert {recipe.name for recipe in recipes} <= MODELS.keys()


@pytest.mark.parametrize("name", MODELS)
def test_every_recipe_is_written_by_its_name(name: str) -> None:
    assert written(parse_recipe(name)) == name


def test_settings_name_recipes_with_commas_in_their_brackets() -> None:
    text = "popularity, als[factors=128,regularization=0.02],ease"
    settings = Settings(database_url="postgresql://none", recipes=text)  # pyright: ignore
    assert settings.recipes == ("popularity", "als[factors=128,regularization=0.02]", "ease")


# recsys train --show


@pytest.fixture
def shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Any:
    monkeypatch.setattr(screen, "console", terminal(width=80))

    def show(recipe: str) -> tuple[int, str]:
        status = cli.main(["train", recipe, "--show"])
        return status, capsys.readouterr().out

    return show


def test_show_prints_every_setting_and_where_it_is_from(shown: Any) -> None:
    status, text = shown("als[factors=128,regularization=0.018]")
    lines = [[cell.strip() for cell in line.split("│")] for line in text.splitlines()]
    rows = {cells[1]: (cells[2], cells[3]) for cells in lines if len(cells) == 6 and cells[1]}
    assert status == 0
    assert rows == {
        name: (written_value(value), "override of 64" if name == "factors" else "default")
        for name, value in Recipe.of("als", factors=128).settings
    }
    assert Recipe.of("als", factors=128).key in text and "1 of 6 settings" in text
    assert max(map(len, text.splitlines())) <= 80


def test_show_prints_parts_of_a_setting_too(shown: Any) -> None:
    status, text = shown("blend")
    assert (status, "members" in text) == (0, True)
    flat = "".join(character for character in text if character.isalnum())
    assert all(name in flat for name in ("als", "ease", "hybrid", "popularity"))


def test_show_refuses_what_training_would_refuse(shown: Any) -> None:
    status, text = shown("als[factors=0]")
    assert status == 1
    assert text == (
        "ModelError: 'als[factors=0]': factors is 0; expected greater than or equal to 1\n"
    )


def test_every_setting_of_a_recipe_has_a_meaning_to_show() -> None:
    for name in MODELS:
        for field, info in model_class(name).Config.model_fields.items():
            assert info.description, f"{name}.{field}"
