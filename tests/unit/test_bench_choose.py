"""Settings are chosen on validation data, and what a protocol holds out stays closed."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.quality import choose
from bench.quality.choose import VALIDATED
from bench.quality.fits import Fits
from bench.quality.protocols import PROTOCOLS
from bench.quality.protocols.base import Protocol
from bench.quality.protocols.ncf import NCF, draw_unrated
from bench.quality.protocols.pairs import Counts, UltraGCN
from bench.quality.protocols.rating import Rating, random_tenth
from bench.quality.protocols.temporal import Temporal
from recsys.errors import DropError
from recsys.models.base import Compute
from recsys.recipe import Recipe
from tests.contracts.worlds import crowd

WORLD, _ = crowd()
POPULARITY = Recipe.of("popularity", half_life_days=None)
N_USERS, N_ITEMS = 6, 30


@pytest.fixture
def fits(tmp_path: Path) -> Fits:
    return Fits(tmp_path / "fits", lambda seed: Compute(seed=seed, threads=1))


@pytest.fixture
def pairs(tmp_path: Path, fits: Fits, monkeypatch: pytest.MonkeyPatch) -> UltraGCN:
    """User u has items 0 to 9 + u, and in the test items 25 to 29, the first user item 20."""
    monkeypatch.setattr(UltraGCN, "counts", Counts(N_USERS, N_ITEMS))
    users = np.repeat(np.arange(N_USERS), 10 + np.arange(N_USERS))
    items = np.concatenate([np.arange(10 + user) for user in range(N_USERS)])
    test_users = np.append(np.repeat(np.arange(1, N_USERS), 5), 0)
    test_items = np.append(np.tile(np.arange(25, 30), N_USERS - 1), 20)
    write_split(tmp_path, users, items, test_users, test_items)
    return UltraGCN(tmp_path, fits)


def write_split(
    data: Path, users: np.ndarray, items: np.ndarray, test_users: np.ndarray, test_items: np.ndarray
) -> None:
    path = data / UltraGCN.needs[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, train_user=users, train_item=items, test_user=test_users, test_item=test_items)


def test_recall_is_over_all_test_items_of_a_user(pairs: UltraGCN) -> None:
    metrics = pairs.measure(POPULARITY, 1)
    # popular items come first, those without a pair by number: the first user lists items 10 to 29
    # and finds number 20 at place 11; the user with u more items misses none of 25 to 29
    first = 1 / np.log2(12)
    places = [np.arange(25, 30) - (10 + user) + 1 for user in range(1, N_USERS)]
    hits = [place[place <= 20] for place in places]
    ideal = (1 / np.log2(np.arange(2, 7))).sum()
    others = [(1 / np.log2(place + 1)).sum() / ideal for place in hits]
    assert metrics["NDCG@20"] == pytest.approx(np.mean([first, *others]))
    assert metrics["R@20"] == pytest.approx(np.mean([1, *(len(hit) / 5 for hit in hits)]))


def test_pairs_beyond_the_split_are_refused(pairs: UltraGCN) -> None:
    one = np.array([0])
    write_split(pairs.data, one, np.array([N_ITEMS]), one, one)
    with pytest.raises(DropError, match=r"1 users, 31 items; expected at most 6 and 30"):
        pairs.read("train")


def test_a_choice_on_pairs_never_opens_the_test_pairs(pairs: UltraGCN) -> None:
    train = pairs.read("train")
    closed = np.array([{"a pickle": "is refused"}], dtype=object)
    write_split(pairs.data, train.row_user_ids, train.row_movie_ids, closed, closed)
    trials = choose.choose(pairs, POPULARITY, {"half_life_days": [None, 5.0]})
    assert len(trials) == 2
    with pytest.raises(ValueError, match="allow_pickle"):
        pairs.measure(POPULARITY, 1)


def test_a_choice_on_ncf_never_opens_the_test_files(tmp_path: Path, fits: Fits) -> None:
    protocol = NCF(tmp_path, fits)  # a folder without any file
    vars(protocol)["training"] = WORLD.ratings
    vars(protocol)["catalogue"] = WORLD.catalogue
    metrics = protocol.validate(Recipe.of("item_knn"), 1)
    assert 0 < metrics["NDCG@10"] < metrics["HR@10"] <= 1
    with pytest.raises(FileNotFoundError):
        protocol.measure(POPULARITY, 1)


@pytest.mark.parametrize("kind", [Temporal, Rating])
def test_a_choice_does_not_change_with_the_held_out_ratings(
    kind: type[Temporal] | type[Rating], tmp_path: Path, fits: Fits
) -> None:
    recipe = Recipe.of("item_knn")
    values = []
    for spoil in (False, True):
        protocol = kind(tmp_path, fits)
        vars(protocol)["catalogue"] = WORLD.catalogue
        ratings = WORLD.ratings
        vars(protocol)["interactions"] = ratings
        if spoil:
            stars = np.where(is_held_out_by(protocol), 6 - ratings.ratings, ratings.ratings)
            vars(protocol)["interactions"] = replace(ratings, ratings=stars)
            vars(protocol).pop("exam", None)
        metrics = protocol.validate(recipe, 1)
        values.append([metrics[name] for name in protocol.metrics])
    assert values[0] == values[1]


def is_held_out_by(protocol: Temporal | Rating) -> np.ndarray:
    """(R,) bool, over the protocol's ratings."""
    ratings = protocol.interactions
    if isinstance(protocol, Temporal):
        held_out = protocol.exam.held_out
    else:
        held_out = random_tenth(ratings, 1)[1]
    return held_out.has(ratings.row_user_ids, ratings.movies)


def test_negatives_are_movies_that_the_user_did_not_rate() -> None:
    ratings = WORLD.ratings
    drawn = draw_unrated(ratings, ratings.user_ids, 1)
    users = np.repeat(ratings.user_ids, drawn.shape[1])
    assert drawn.shape == (len(ratings.user_ids), 99)
    assert not ratings.has(users, drawn.ravel()).any()


class Scored(UltraGCN):
    """Likes a half-life of 3 days best."""

    def validate(self, recipe: Recipe, seed: int) -> dict[str, float]:
        score = -abs(dict(recipe.settings)["half_life_days"] - 3)
        return {"R@20": score, "NDCG@20": 0.0, "fit seconds": 1.0}


def test_the_best_combination_comes_first(
    tmp_path: Path, fits: Fits, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = {"half_life_days": [1, 3, 7], "window_days": [None, 9.0]}
    trials = choose.choose(Scored(tmp_path, fits), POPULARITY, grid)
    assert [trial.changed["half_life_days"] for trial in trials] == [3, 3, 1, 1, 7, 7]
    monkeypatch.setitem(PROTOCOLS, "ultragcn", Scored)
    argv = [str(tmp_path), "ultragcn", "popularity", "half_life_days=7,3"]
    assert choose.main(argv, tmp_path / "home") == 0
    table = capsys.readouterr().out.split("best")[1]
    assert table.index("│ 3") < table.index("│ 7")


def test_too_large_a_grid_is_refused_before_a_fit(tmp_path: Path, fits: Fits) -> None:
    with pytest.raises(ValueError, match="25 combinations; expected at most 24"):
        choose.choose(Scored(tmp_path, fits), POPULARITY, {"half_life_days": range(1, 26)})


def test_a_grids_values_are_json_or_words() -> None:
    assert choose.values_of("a=1,2.5,null,cosine") == ("a", [1, 2.5, None, "cosine"])
    with pytest.raises(argparse.ArgumentTypeError, match="expected name=value"):
        choose.values_of("a=")


def test_a_protocol_without_validation_data_says_so(tmp_path: Path, fits: Fits) -> None:
    protocol: Protocol = PROTOCOLS["fit-time"](tmp_path, fits)
    with pytest.raises(TypeError, match="fit-time cuts no validation data"):
        choose.choose(protocol, POPULARITY, {})
    assert set(VALIDATED) == {"ncf", "temporal", "gowalla", "ultragcn", "rating"}
