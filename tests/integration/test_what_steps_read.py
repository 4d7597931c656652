"""Steps read what they use: all ratings come into a process for a fit alone, once."""

from collections import Counter
from datetime import date

import pytest

from recsys.features.interactions import Interactions
from recsys.features.stored_train import StoredTrain
from recsys.promotion.refits import try_refit
from recsys.run import run_step
from recsys.settings import Settings
from recsys.work import open_work
from tests import steps


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often all training ratings up to a cut were read into this process."""
    counts: Counter[str] = Counter()
    read = StoredTrain.read_all

    def counting(train: StoredTrain) -> Interactions:
        counts["all"] += 1
        return read(train)

    monkeypatch.setattr(StoredTrain, "read_all", counting)
    return counts


@pytest.mark.parametrize("exam_min_users", [1, 1_000])
def test_all_ratings_are_read_once_for_each_fit_and_for_nothing_else(
    settings: Settings, weeks: list[date], readings: Counter[str], exam_min_users: int
) -> None:
    settings = settings.model_copy(update={"exam_min_users": exam_min_users})
    week = steps.resolve_week(settings, as_of=weeks[-1])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    for recipe in week.recipes:
        run_step(settings, "train_model", week, recipe)
    assert readings.total() == len(week.recipes)
    for recipe in week.recipes:
        run_step(settings, "train_model", week, recipe)
    run_step(settings, "examine_models", week)
    steps.run_week(settings, as_of=weeks[-1])
    assert readings.total() == len(week.recipes) + 1  # the winner's refit
    with open_work(settings) as work:
        for recipe in week.recipes:
            try_refit(work, week, recipe)
    assert readings.total() == 2 * len(week.recipes)
