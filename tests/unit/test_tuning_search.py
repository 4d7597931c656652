"""What a study tries next."""

import math
from typing import Annotated

import pytest
from pydantic import Field

from recsys import models
from recsys.errors import ModelError
from recsys.models.base import Config, Recommender, Search
from recsys.recipe import Recipe
from recsys.tuning.search import Space, best_of, next_recipe, searches_of, tunable
from recsys.tuning.trial import Trial


class LadderConfig(Config):
    size: Annotated[int, Search(8, 64, doubled=True)] = Field(default=16, ge=1)
    weight: Annotated[float, Search(0.001, 10, log=True)] = Field(default=1.0, gt=0)
    depth: Annotated[int | None, Search(1, 9)] = 5
    rounds: int = 3


class Ladder(Recommender):
    Config = LadderConfig


class FlatConfig(Config):
    weight: Annotated[float, Search(0.001, 10, log=True)] = Field(default=1.0, gt=0)


class Flat(Recommender):
    Config = FlatConfig


class Fixed(Recommender):
    Config = Config


class TwoLaddersConfig(Config):
    size: Annotated[int, Search(8, 64, doubled=True)] = 8
    depth: Annotated[int, Search(1, 8, doubled=True)] = 1
    weight: Annotated[float, Search(0, 1)] = 0.5


class TwoLadders(Recommender):
    Config = TwoLaddersConfig


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Ladder", "Flat", "Fixed", "TwoLadders"):
        monkeypatch.setitem(models.MODELS, name.lower(), f"{__name__}:{name}")


def settings(recipe: Recipe) -> dict[str, float]:
    return dict(recipe.settings)


def study(name: str, n_trials: int, figure, trials: tuple[Trial, ...] = ()) -> list[Trial]:
    """A study run to its end, with `figure` of a recipe's settings for its NDCG."""
    done, space = list(trials), Space.of(Recipe.of(name))
    while recipe := next_recipe(space, done, n_trials=n_trials, seed=1):
        done.append(Trial(recipe, figure(settings(recipe))))
    return done


def near(values: dict[str, float]) -> float:
    """Best at weight 0.1; larger is better up to size 32."""
    return -abs(math.log10(values["weight"]) + 1) + (
        0.01 * min(values["size"], 32) if "size" in values else 0
    )


def test_the_default_comes_first_and_n_trials_is_all_there_are() -> None:
    trials = study("flat", 20, near)
    assert len(trials) == 20
    assert trials[0].recipe == Recipe.of("flat")
    assert all(0.001 <= settings(trial.recipe)["weight"] <= 10 for trial in trials)
    assert len({trial.recipe for trial in trials}) == 20


def test_the_search_learns() -> None:
    trials = study("flat", 30, near)
    early, late = (
        [abs(math.log10(settings(trial.recipe)["weight"]) + 1) for trial in part]
        for part in (trials[:10], trials[-10:])
    )
    assert sum(late) < sum(early) / 2


def test_a_study_broken_off_goes_on_as_if_it_had_not_been() -> None:
    whole = study("flat", 15, near)
    for n_done in (1, 7, 14, 15):
        assert study("flat", 15, near, tuple(whole[:n_done])) == whole
    other = next_recipe(Space.of(Recipe.of("flat")), whole[:7], n_trials=15, seed=2)
    assert other != whole[7].recipe


def test_one_size_is_doubled_once_the_others_are_found() -> None:
    trials = study("ladder", 20, near)
    sizes = [settings(trial.recipe)["size"] for trial in trials]
    assert sizes == [16, *[8] * 16, 16, 32, 64]
    assert settings(trials[1].recipe) == settings(Recipe.of("ladder", size=8))
    best = best_of(trials[:17])
    assert [trial.recipe for trial in trials[17:]] == [
        Recipe.of("ladder", **{**settings(best.recipe), "size": n}) for n in (16, 32, 64)
    ]
    assert all(
        settings(trial.recipe)["rounds"] == 3 and settings(trial.recipe)["depth"] in range(1, 10)
        for trial in trials
    )


def test_doubling_stops_where_it_does_not_help() -> None:
    trials = study("ladder", 20, lambda values: -values["size"])
    # the best of them, doubled, is the default
    assert [settings(trial.recipe)["size"] for trial in trials] == [16, *[8] * 16]
    trials = study("ladder", 20, lambda values: 40 - values["size"] - values["depth"])
    assert [settings(trial.recipe)["size"] for trial in trials] == [16, *[8] * 16, 16]


def test_few_trials_still_search_and_double() -> None:
    assert [settings(trial.recipe)["size"] for trial in study("ladder", 4, near)] == [16, 8, 32, 64]
    assert len(study("ladder", 1, near)) == 1


def test_more_trials_go_on_searching() -> None:
    first = study("ladder", 10, near)
    more = study("ladder", 20, near, tuple(first))
    assert more[:10] == first and len(more) <= 20
    assert sum(settings(trial.recipe)["size"] == 8 for trial in more) == 16


def test_what_could_not_be_fitted_is_passed_over() -> None:
    def failing(values: dict[str, float]) -> float | None:
        return None if values["weight"] > 0.5 else near(values)

    trials = study("ladder", 20, failing)
    assert trials[0].ndcg is None and best_of(trials).ndcg is not None
    hopeless = study("ladder", 20, lambda _: None)
    assert best_of(hopeless) is None
    assert {settings(trial.recipe)["size"] for trial in hopeless} == {16, 8}


def test_of_equals_the_earliest_is_best() -> None:
    trials = [Trial(Recipe.of("flat", weight=weight), 0.5) for weight in (1.0, 2.0)]
    assert best_of(trials) == trials[0]
    assert best_of([Trial(trials[0].recipe, 0.0), Trial(trials[1].recipe, -1.0)]).ndcg == 0.0


def test_what_cannot_be_searched_says_so() -> None:
    with pytest.raises(
        ModelError,
        match="fixed: 0 hyperparameters are to search, 0 of them doubled; expected at least one",
    ):
        Space.of(Recipe.of("fixed"))
    with pytest.raises(
        ModelError, match="twoladders: 3 hyperparameters are to search, 2 of them doubled"
    ):
        Space.of(Recipe.of("twoladders"))


def test_settings_of_its_own_stay_as_they_are() -> None:
    fixed = Recipe.of("ladder", weight=0.3)
    space = Space.of(fixed)
    assert (space.default, set(space.doubled)) == (fixed, {"size"})
    assert "weight" not in space.searched and space.searched
    with pytest.raises(ModelError, match=r"flat\[weight=0.3\]: 0 hyperparameters are to search"):
        Space.of(Recipe.of("flat", weight=0.3))


def test_every_recipe_that_is_searched_can_be_built_at_both_ends() -> None:
    names = set(tunable())
    assert {"popularity", "als", "hybrid"} <= names and "fixed" not in names
    for name in names - {"twoladders"}:
        space, values = Space.of(Recipe.of(name)), settings(Space.of(Recipe.of(name)).default)
        outside = {
            field: values[field]
            for field, where in space.searched.items()
            if not where._contains(values[field])
        }
        assert not outside, f"{name}: its default is outside of what is searched: {outside}"
        for end in (0, -1):
            sizes = {field: sizes[end] for field, sizes in space.doubled.items()}
            ends = {
                field: (search.low, search.high)[end]
                for field, search in searches_of(name).items()
                if not search.doubled
            }
            assert space.with_(space.default, sizes | ends).key
