"""One recipe that cannot be fitted does not stop a week that another can serve: it loses, and the
report says why.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from recsys.db.connect import Connection
from recsys.errors import ModelError
from recsys.features.train import Train
from recsys.models.als import ALS
from recsys.models.popularity import Popularity
from recsys.promotion.failed_fits import failed_fits
from recsys.report import exam_page
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps
from tests.landing import Landing

DAY = date(2020, 1, 6)


def champion(conn: Connection, as_of: date) -> tuple[str, str]:
    row = conn.execute(
        "SELECT decision, recipe_key FROM promotions WHERE as_of = %s", [as_of]
    ).fetchone()
    return row.decision, row.recipe_key.split("-")[0]


def key_of(week: WeekPlan, name: str) -> str:
    return next(recipe.key for recipe in week.recipes if recipe.name == name)


def fails(error: Exception, when: Callable[[Train], bool] = lambda _train: True):
    """A fit that raises the error where the training data are such."""
    fit = ALS.fit

    def failing(self: ALS, train: Train, *arguments, **named):
        if when(train):
            raise error
        return fit(self, train, *arguments, **named)

    return failing


@pytest.fixture
def disliked(settings: Settings, conn: Connection) -> None:
    """A drop in which nobody likes anything: every rating is 1 to 3 stars."""
    moment = int(datetime(2020, 1, 2, tzinfo=UTC).timestamp())
    lines = [
        f"{user},{user % 7 + k},{1 + (user + k) % 3},{moment + k}\n"
        for user in range(1, 41)
        for k in range(11)
    ]
    movies = [f"{movie},Movie {movie} (1990),Drama\n" for movie in range(30)]
    files = {
        "ratings.csv": "userId,movieId,rating,timestamp\n" + "".join(lines),
        "movies.csv": "movieId,title,genres\n" + "".join(movies),
    }
    Landing(Path(settings.drops), conn).put(DAY, files)


def test_a_week_in_which_nobody_likes_anything_is_served_by_popularity(
    settings: Settings, disliked: None, conn: Connection
) -> None:
    week = steps.run_week(settings, as_of=DAY)
    assert champion(conn, DAY) == ("popularity", "popularity")
    assert (
        conn.execute("SELECT count(DISTINCT user_id) AS n FROM recommendations").fetchone().n == 40
    )
    reason = failed_fits(conn, DAY, "exam")[key_of(week, "als")]
    assert "is a like" in reason
    assert (
        f"{key_of(week, 'als')} is not among them, as it cannot be fitted: {reason}"
        in exam_page(conn, DAY).sentence
    )


@pytest.mark.parametrize(
    "error", [ModelError("no factors"), MemoryError(), ValueError("a matrix of zeros")]
)
def test_whatever_a_recipe_does_wrong_is_its_own_loss(
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    monkeypatch.setattr(ALS, "fit", fails(error))
    week = steps.run_week(settings, as_of=weeks[0])
    assert failed_fits(conn, weeks[0], "exam").keys() == {key_of(week, "als")}
    assert champion(conn, weeks[0])[1] == "popularity"


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError("gone"), OSError("no space left"), ConnectionError("refused")],
)
def test_what_a_retry_may_mend_is_raised_and_no_recipe_loses_by_it(
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    monkeypatch.setattr(ALS, "fit", fails(error))
    with pytest.raises(type(error)):
        steps.run_week(settings, as_of=weeks[0])
    assert failed_fits(conn, weeks[0], "exam") == {}


def test_a_fit_that_succeeds_later_competes_after_all(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    als = next(recipe for recipe in week.recipes if recipe.name == "als")
    with monkeypatch.context() as broken:
        broken.setattr(ALS, "fit", fails(MemoryError()))
        assert steps.train_model(settings, week, als) is None
    assert failed_fits(conn, weeks[0], "exam").keys() == {als.key}
    assert steps.train_model(settings, week, als)
    assert failed_fits(conn, weeks[0], "exam") == {}
    assert als.key in steps.examine_models(settings, week)


def test_an_incumbent_that_cannot_be_fitted_does_not_defend(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"minimum_effect": 1e-6})
    steps.run_week(settings, as_of=weeks[0])
    conn.execute(
        "UPDATE promotions SET decision = 'first', recipe_key = e.recipe_key, recipe = e.recipe "
        "FROM exam_entries e "
        "WHERE e.as_of = promotions.as_of AND e.recipe_key LIKE 'als-%%'"
    )
    monkeypatch.setattr(ALS, "fit", fails(MemoryError()))
    steps.run_week(settings, as_of=weeks[1], recipes=["popularity"])
    assert champion(conn, weeks[1]) == ("popularity", "popularity")
    reasons = (
        conn.execute("SELECT reasons FROM promotions WHERE as_of = %s", [weeks[1]])
        .fetchone()
        .reasons
    )
    assert (
        reasons[0].startswith("The incumbent als-")
        and "cannot be fitted: MemoryError" in reasons[0]
    )


def test_a_refit_that_fails_falls_back_as_a_refused_one_does(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"minimum_effect": 1e-6})
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    for recipe in week.recipes:
        steps.train_model(settings, week, recipe)
    steps.examine_models(settings, week)
    conn.execute(
        "UPDATE exam_entries SET ndcg = array_fill(1::real, ARRAY[cardinality(ndcg)]) "
        "WHERE recipe_key LIKE 'als-%%'"
    )
    monkeypatch.setattr(ALS, "fit", fails(MemoryError()))
    version = steps.refit_winner(settings, week)
    steps.promote_champion(settings, week, version)
    assert champion(conn, weeks[0]) == ("popularity", "popularity")
    assert failed_fits(conn, weeks[0], "refit").keys() == {key_of(week, "als")}
    reasons = (
        conn.execute("SELECT reasons FROM promotions WHERE as_of = %s", [weeks[0]])
        .fetchone()
        .reasons
    )
    assert any("it cannot be fitted: MemoryError" in reason for reason in reasons)


def test_where_nothing_can_be_fitted_the_week_fails_with_every_reason(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ALS, "fit", fails(MemoryError()))
    monkeypatch.setattr(Popularity, "fit", fails(ValueError("no rating counts")))
    with pytest.raises(ModelError, match=r"(?s)als-.*MemoryError.*popularity-.*no rating counts"):
        steps.run_week(settings, as_of=weeks[0])
    assert conn.execute("SELECT count(*) AS n FROM publications").fetchone().n == 0
