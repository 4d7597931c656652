"""Nothing is fitted twice: a fit is found again by recipe, cut, data, seed, code and encoder."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.errors import FitError
from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models.base import Compute
from recsys.models.hybrid import Hybrid
from recsys.models.popularity import Popularity
from recsys.recipe import Recipe
from recsys.registry.fitting import Fit, fit_once
from recsys.registry.store import Registry
from recsys.settings import Settings


@pytest.fixture
def fit() -> Fit:
    movies = np.arange(1, 5)
    none = Links(
        np.zeros(5, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    )
    unknown = np.full(4, np.nan, dtype=np.float32)
    catalogue = Catalogue(movies, ("A", "B", "C", "D"), unknown, unknown, none, none, none)
    users = np.array([1, 1, 2, 3])
    ratings = Interactions.of(
        users, np.array([1, 2, 2, 3]), np.full(4, 5.0), np.arange(4) + 10**9, movie_ids=movies
    )
    train = Loaded(ratings, like_threshold=4.0)
    return Fit(
        Recipe.of("popularity"), train, catalogue, "2020-01-06", "exam", date(2020, 1, 6), seed=1
    )


def test_found_again(conn: Connection, settings: Settings, fit: Fit) -> None:
    registry = Registry(settings)
    first = fit_once(conn, registry, fit)
    assert fit_once(conn, registry, fit) == first
    assert np.array_equal(registry.load(first.run_id).movie_ids_, fit.catalogue.movie_ids)


def test_anything_else_is_another_fit(
    conn: Connection, settings: Settings, fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(settings)
    ratings = fit.train.interactions()
    others = [
        replace(fit, recipe=Recipe.of("popularity", half_life_days=7.0)),
        replace(fit, cut="2020-01-13"),
        replace(fit, train=Loaded(ratings.where(ratings.users > 0), 4.0)),
        replace(fit, train=Loaded(ratings, like_threshold=3.5)),
        replace(fit, catalogue=replace(fit.catalogue, titles=("A", "B", "C", "E"))),
        replace(fit, seed=2),
    ]
    runs = {fit_once(conn, registry, each).run_id for each in (fit, *others)}
    monkeypatch.setattr(Popularity, "encoders", lambda self: "another")
    runs.add(fit_once(conn, registry, fit).run_id)
    assert len(runs) == len(others) + 2


def with_own_likes(fit: Fit, like_threshold: float) -> Fit:
    """The same fit, of a recipe as they were stored before likes came from the week."""
    members = [{"name": "popularity", "settings": {"like_threshold": like_threshold}}]
    settings = dict(Recipe.of("blend", members=[{"name": "popularity"}]).settings)
    settings |= {"members": members, "like_threshold": like_threshold}
    return replace(fit, recipe=Recipe("blend", tuple(sorted(settings.items()))))


def test_a_stored_recipe_whose_likes_are_the_weeks_is_the_recipe_of_today(
    conn: Connection, settings: Settings, fit: Fit
) -> None:
    today = replace(fit, recipe=Recipe.of("blend", members=[{"name": "popularity"}]))
    of_today = fit_once(conn, Registry(settings), today)
    bare = with_own_likes(fit, 4.0)
    assert bare.recipe.of_week(4.0).name == "blend"
    assert fit_once(conn, Registry(settings), bare).fit_key != of_today.fit_key  # bare members
    whole = dict(today.recipe.settings) | {"like_threshold": 4.0}
    stored = replace(fit, recipe=Recipe("blend", tuple(sorted(whole.items()))))
    assert stored.recipe.of_week(4.0) == today.recipe
    assert fit_once(conn, Registry(settings), stored) == of_today


def test_a_stored_recipe_with_other_likes_than_the_week_is_refused(
    conn: Connection, settings: Settings, fit: Fit
) -> None:
    with pytest.raises(FitError, match=r"has a like_threshold of its own.* from 4 on is a like"):
        fit_once(conn, Registry(settings), with_own_likes(fit, 3.0))


def test_a_broken_fit_is_not_found(
    conn: Connection, settings: Settings, fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(settings)
    with monkeypatch.context() as patch, pytest.raises(FitError, match="division by zero"):
        patch.setattr(Popularity, "fit", lambda *_, **__: 1 / 0)
        fit_once(conn, registry, fit)
    failed = registry.client.search_runs([registry.experiment_id], "attributes.status = 'FAILED'")
    assert len(failed) == 1
    assert fit_once(conn, registry, fit).run_id != failed[0].info.run_id


def test_the_hybrid_names_its_title_encoder() -> None:
    assert Hybrid(compute=Compute(title_model="")).encoders() == "tfidf-svd"
