"""A blend's members are fits like any other: made once a cut, found again by the week, by other
blends and by re-runs.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import mlflow
import pandas as pd
import pytest

from recsys.db.connect import Connection, connect
from recsys.evaluation.split import split_exam
from recsys.exam_data import exam_of, fit_for_exam, stored_snapshot
from recsys.first_plan import FirstPlan
from recsys.models.blend import Blend, BlendConfig, Member
from recsys.recipe import Recipe
from recsys.registry import fitting
from recsys.registry.fitting import Fit, fit_once
from recsys.registry.store import Registry
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps

ALS = {"name": "als", "settings": {"factors": 8}}
BLEND = Recipe.of("blend", members=[ALS, {"name": "popularity"}])
RECIPES = (Recipe.of("popularity"), Recipe.of("als", factors=8), BLEND)


@pytest.fixture
def week(settings: Settings, weeks: list[date], monkeypatch: pytest.MonkeyPatch) -> WeekPlan:
    """A whole week in which a blend competes with its own members."""
    monkeypatch.setattr(FirstPlan, "recipes", lambda *_: RECIPES)
    return steps.run_week(settings, as_of=weeks[-1])


def fits(settings: Settings) -> Counter[tuple[str, str]]:
    """How many runs there are of each recipe's name and cut."""
    registry = Registry(settings)
    runs = registry.client.search_runs([registry.experiment_id], "tags.fit_key != ''")
    assert len({run.data.tags["fit_key"] for run in runs}) == len(runs), "a fit was made twice"
    assert {run.info.status for run in runs} == {"FINISHED"}
    return Counter(
        (run.data.tags["recipe"].split("-")[0], f"{run.data.tags['kind']} {run.data.tags['cut']}")
        for run in runs
    )


def refit(settings: Settings, conn: Connection, week: WeekPlan, recipe: Recipe) -> str:
    train, catalogue = stored_snapshot(conn, week)
    fit = Fit(
        recipe,
        train,
        catalogue,
        cut=week.as_of.isoformat(),
        kind="refit",
        as_of=week.as_of,
        seed=week.seed,
    )
    return fit_once(conn, Registry(settings), fit).run_id


def names(counts: Counter[tuple[str, str]], kind: str) -> Sequence[str]:
    return sorted(
        name for (name, cut), n in counts.items() for _ in range(n) if cut.startswith(kind)
    )


def test_each_member_is_fitted_once_a_cut_and_never_again(
    settings: Settings, conn: Connection, week: WeekPlan
) -> None:
    counts = fits(settings)
    assert names(counts, "validation") == ["als", "popularity"]
    # the blend's members are the week's own fits
    assert names(counts, "exam") == ["als", "blend", "popularity"]
    refit(settings, conn, week, BLEND)
    counts = fits(settings)
    # weights come from the exam's fits, which are there
    assert names(counts, "validation") == ["als", "popularity"]
    assert names(counts, "refit") == ["als", "blend", "popularity"]
    refit(settings, conn, week, BLEND)
    steps.run_week(settings, as_of=week.as_of)
    assert fits(settings) == counts


def test_other_blends_at_once_find_the_members(
    settings: Settings, conn: Connection, week: WeekPlan
) -> None:
    before = fits(settings)
    exam, _ = exam_of(conn, week)

    def fit(fusion: str, members: list) -> None:
        recipe = Recipe.of("blend", members=members, fusion=fusion)
        with connect(settings) as own:
            exam, catalogue = exam_of(own, week)
            fit_once(own, Registry(settings), fit_for_exam(week, recipe, exam, catalogue))

    recent = {"name": "popularity", "settings": {"half_life_days": 7.0}}
    with ThreadPoolExecutor(2) as pool:
        for future in [
            pool.submit(fit, *choice)
            for choice in (("ranks", [ALS, recent]), ("scores", [recent, ALS]))
        ]:
            future.result()
    both = {
        ("blend", f"exam {exam.kind}"): 2,
        ("popularity", f"exam {exam.kind}"): 1,
        ("popularity", f"validation {exam.kind}"): 1,
    }
    assert fits(settings) - before == Counter(both)


def test_weights_are_learned_from_fits_that_saw_nothing_of_the_validation(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts: dict[str, int] = {}
    fit_member = fitting._fit_member

    def noting_cuts(conn, registry, whole, member):
        cuts[member.cut] = member.train.extent().newest
        return fit_member(conn, registry, whole, member)

    monkeypatch.setattr(fitting, "_fit_member", noting_cuts)
    monkeypatch.setattr(FirstPlan, "recipes", lambda *_: RECIPES[:1])
    settings = settings.model_copy(update={"exam_min_users": 5})
    week = steps.run_week(settings, as_of=weeks[-1])
    exam, catalogue = exam_of(conn, week)
    blend = Recipe.of("blend", members=[ALS, {"name": "popularity"}], validation_min_users=5)
    fit_once(conn, Registry(settings), fit_for_exam(week, blend, exam, catalogue))
    validation = split_exam(exam.train.interactions(), min_users=5, like_threshold=4.0)
    assert exam.cut and validation.cut
    newest = cuts[None]  # type: ignore[index]
    assert cuts[validation.cut.isoformat()] < validation.cut.timestamp() <= newest
    assert newest < exam.cut.timestamp()


def test_the_blend_is_served_like_any_other(
    settings: Settings, conn: Connection, week: WeekPlan
) -> None:
    registry = Registry(settings)
    run_id = refit(settings, conn, week, BLEND)
    model = registry.load(run_id)
    assert isinstance(model, Blend)
    train, _ = stored_snapshot(conn, week)
    histories = train.interactions()
    users = histories.user_ids[:3]
    served = mlflow.pyfunc.load_model(f"models:/{registry.model_id(run_id)}")
    given = [histories.where(histories.is_of(users[[place]])) for place in range(3)]
    rated = {
        "movie_ids": [each.row_movie_ids for each in given],
        "ratings": [each.ratings.astype(float) for each in given],
        "rated_at": [each.rated_at for each in given],
    }
    lists = served.predict(pd.DataFrame({"user_id": users, **rated}), params={"n": 4})
    expected = model.recommend(users, n=4, histories=histories)
    assert lists["movie_ids"].tolist() == expected.ids.tolist()
    assert lists["scores"].tolist() == expected.scores.tolist()


def test_the_title_encoder_of_a_member_is_in_the_blends_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recsys.models.hybrid.Hybrid.encoders", lambda self: "tfidf-svd")
    als, hybrid = Member(name="als"), Member(name="hybrid")
    assert Blend(BlendConfig(members=(als, hybrid))).encoders() == "tfidf-svd"
    assert Blend(BlendConfig(members=(als,))).encoders() == ""
