"""A week in which every recipe competes, on little data: it ends in a publication."""

from datetime import date

import pytest

from recsys.db.connect import connect
from recsys.models import MODELS
from recsys.settings import Settings
from tests.steps import run_week


@pytest.mark.e2e
def test_a_week_of_all_recipes_is_examined_and_published(
    settings: Settings, weeks: list[date]
) -> None:
    run_week(settings, as_of=weeks[0], recipes=tuple(MODELS))
    with connect(settings) as conn:
        scores = conn.execute("SELECT DISTINCT recipe_key FROM exam_results").fetchall()
        examined = {row.recipe_key.rsplit("-", 1)[0] for row in scores}
        (live,) = conn.execute("SELECT recipe_key, n_users FROM publications WHERE is_live")
    assert examined == set(MODELS)
    assert live.recipe_key.rsplit("-", 1)[0] in MODELS
    assert live.n_users > 0
