"""A week with recipes whose settings a run, the settings or an experiment override."""

from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.errors import ModelError
from recsys.recipe import Recipe
from recsys.settings import Settings
from recsys.week import stored_week
from tests import steps

OTHER = Recipe.of("als", factors=4, regularization=0.02)
WRITTEN = "als[factors=4,regularization=0.02]"


def test_a_week_stores_the_recipes_that_its_first_run_names(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    named = settings.model_copy(update={"recipes": ("als", WRITTEN)})
    week = steps.resolve_week(named, as_of=weeks[0])
    assert week.recipes == (Recipe.of("popularity"), Recipe.of("als"), OTHER)
    assert stored_week(conn, weeks[0]).plan.recipes == week.recipes
    assert steps.resolve_week(settings, as_of=weeks[0]).recipes == week.recipes


def test_a_run_names_recipes_and_a_challenger_with_settings(
    settings: Settings, weeks: list[date]
) -> None:
    week = steps.resolve_week(
        settings, as_of=weeks[0], recipes=[WRITTEN], challenger="als[factors=5]"
    )
    challenger = Recipe.of("als", factors=5)
    assert week.experiment.recipe == challenger
    assert week.recipes == (Recipe.of("popularity"), OTHER, challenger)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("als[factors=0]", "factors is 0; expected greater than or equal to 1"),
        ("als[factors={4,5}]", "expected one value: grids are for `recsys compare`"),
        ("als[factors=4", "position 14: found the end; expected ',' or ']'"),
    ],
)
def test_what_is_no_recipe_leaves_no_week(
    settings: Settings, weeks: list[date], conn: Connection, recipe: str, message: str
) -> None:
    with pytest.raises(ModelError) as raised:
        steps.resolve_week(settings, as_of=weeks[0], recipes=[recipe])
    assert message in str(raised.value)
    assert conn.execute("SELECT count(*) AS n FROM weeks").fetchone().n == 0
