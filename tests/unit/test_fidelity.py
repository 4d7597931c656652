"""Reasons on generated data: what is cited is what the score rests on, and the bench says so."""

from pathlib import Path

import numpy as np
import pytest

from bench.fidelity import __main__ as bench
from bench.fidelity.measuring import Fidelity, measure
from bench.fidelity.table import misses
from recsys.features.interactions import Interactions
from recsys.models import model_class
from recsys.models.base import Compute, Recommender
from tests.contracts.worlds import World, crowd

SMALL = {
    "als": {"factors": 16},
    "hybrid": {"users_a_batch": 64, "max_epochs": 8},
    "blend": {
        "members": [{"name": "als"}, {"name": "ease"}, {"name": "popularity"}],
        "fusion": "scores",
    },
}


@pytest.fixture(scope="module")
def world() -> tuple[World, Interactions]:
    return crowd()


def fitted(recipe: str, world: World) -> Recommender:
    kind = model_class(recipe)
    config = kind.Config(**SMALL.get(recipe, {}))
    return kind(config, Compute(threads=1, device="cpu")).fit(world.train, world.catalogue)


@pytest.mark.parametrize("recipe", ["als", "ease", "item_knn", "hybrid", "blend"])
def test_the_cited_movie_takes_more_of_the_score_away_than_another_like(
    recipe: str, world: tuple[World, Interactions]
) -> None:
    of_fit, everyone = world
    model = fitted(recipe, of_fit)
    has_likes = everyone.likes(4.0)
    users = has_likes.user_ids[has_likes.n_rated >= 2][::8]
    fidelity = measure(model, everyone, users, np.random.default_rng(1))
    assert len(fidelity.cited) > 500
    # noise has few strong reasons: the direction is what these data can show
    assert fidelity.wins > 0.9
    assert fidelity.cited.mean() > 2 * fidelity.random.mean()
    assert fidelity.error is None or fidelity.error < 1e-5


def test_a_leave_one_out_reason_is_the_fall_of_the_score(
    world: tuple[World, Interactions],
) -> None:
    of_fit, everyone = world
    model = fitted("hybrid", of_fit)
    user = everyone.user_ids[everyone.n_rated > 30][0]
    history = everyone.histories_of(np.array([user]))
    top = model.recommend(np.array([user]), n=5, histories=everyone)
    movies = np.searchsorted(model.movie_ids_, top.ids)
    contributions = model.explain(history, movies).contributions
    for row in np.flatnonzero(contributions.any(axis=1)):
        shorter = history.where(np.arange(len(history.movies)) != row)
        falls = top.scores[0] - model.score_block(shorter)[0, movies[0]]
        given = contributions[row]
        np.testing.assert_allclose(given[given != 0], falls[given != 0], atol=1e-4)


def test_what_is_missed_is_said() -> None:
    falls = np.array([1.0, 1.0, -1.0])
    worst = Fidelity("exact", 100, 98, falls, falls[::-1] * 2, 1e-3, 0.0, 0.0)
    assert len(misses(worst)) == 4
    best = Fidelity("exact", 100, 100, np.full(3, 4.0), np.ones(3), 1e-7, 0.0, 0.0)
    assert misses(best) == []


def test_the_command_prints_a_table_and_fails_where_a_target_is_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ml"
    folder.mkdir()
    world, everyone = crowd()
    titles = zip(world.catalogue.movie_ids, world.catalogue.titles, strict=True)
    lines = [f"{movie}::{title}::Drama" for movie, title in titles]
    (folder / "movies.dat").write_text("\n".join(lines) + "\n")
    columns = [
        everyone.row_user_ids,
        everyone.row_movie_ids,
        np.ceil(everyone.ratings).astype(int),
        everyone.rated_at,
    ]
    rows = ["::".join(map(str, row)) for row in zip(*columns, strict=True)]
    (folder / "ratings.dat").write_text("\n".join(rows) + "\n")
    (folder / "users.dat").write_text("1::F::1::10::48067\n")
    status = bench.main([str(folder), "--users", "60", "--only", "ease"], home=tmp_path / "home")
    printed = capsys.readouterr().out
    assert "ease" in printed and "exact" in printed
    assert status == int("missed by ease" in printed)
