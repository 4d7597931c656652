"""Recent popularity, by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models.popularity import Popularity, PopularityConfig
from tests.contracts.worlds import train_on

DAY = 86_400


def nothing(count: int) -> Links:
    return Links(
        np.zeros(count + 1, dtype=np.int64),
        np.empty(0, dtype=np.int32),
        np.empty(0, dtype=np.int64),
    )


def catalogue(movie_ids: np.ndarray) -> Catalogue:
    unknown = np.full(len(movie_ids), np.nan, dtype=np.float32)
    links = nothing(len(movie_ids))
    return Catalogue(movie_ids, ("",) * len(movie_ids), unknown, unknown, links, links, links)


def ratings_of(rows: list[tuple[int, int, float, int]]) -> Interactions:
    user, movie, rating, day = (np.array(column) for column in zip(*rows, strict=True))
    movie_ids = np.array([10, 20, 30])
    return Interactions.of(user, movie, rating, day * DAY, movie_ids=movie_ids)


def fitted(rows: list[tuple[int, int, float, int]], **settings: Any) -> Popularity:
    ratings = ratings_of(rows)
    model = Popularity(PopularityConfig(**settings))
    return model.fit(train_on(ratings), catalogue(ratings.movie_ids))


def of_a_stranger(model: Popularity) -> np.ndarray:
    nobody = ratings_of([(1, 10, 5.0, 0)])
    return model.score_block(nobody.histories_of(np.array([999])))[0]


def likes_of(model: Popularity) -> list[float]:
    """The score is the logarithm of 1 + the likes."""
    return np.expm1(of_a_stranger(model)).tolist()


def test_what_came_up_since_the_user_was_last_here_is_fresh() -> None:
    old = [(user, 10, 5.0, 0) for user in range(1, 41)]
    new = [(user, 20, 5.0, 100) for user in range(41, 81)]
    rows = [*old, *new, (80, 30, 1.0, 50)]
    model = fitted(rows, half_life_days=None, freshness=3.0)
    histories = ratings_of(rows).histories_of(np.array([1, 80, 999]))
    longer_gone, just_here, stranger = model.score_block(histories)
    # 40 likes, all younger, drawn to 0 by 20
    assert longer_gone - stranger == pytest.approx([0, 3 * 40 / 60, 0])
    assert just_here.tolist() == stranger.tolist()


def test_a_new_release_is_ahead_of_its_likes() -> None:
    """Years 1971, 1970, and unknown; the newest rating is of 1971."""
    movie_ids = np.array([10, 20, 30])
    train = Interactions.of(
        np.array([1]), np.array([20]), np.array([5.0]), np.array([400 * DAY]), movie_ids=movie_ids
    )
    dated = replace(catalogue(movie_ids), years=np.array([1971, 1970, np.nan], dtype=np.float32))
    model = Popularity(PopularityConfig(half_life_days=None, new_releases=2.0))
    model.fit(train_on(train), dated)
    assert of_a_stranger(model).tolist() == pytest.approx([2.0, np.log(2) + 1.0, 0.0])


def test_a_like_counts_half_for_each_half_life_before_the_newest_rating() -> None:
    model = fitted(
        [(1, 10, 5.0, 100), (2, 20, 5.0, 90), (3, 20, 4.0, 80), (1, 30, 1.0, 110)],
        half_life_days=10,
    )
    assert likes_of(model) == pytest.approx([0.5, 0.25 + 0.125, 0.0])


def test_without_a_half_life_all_likes_count_alike() -> None:
    model = fitted([(1, 10, 5.0, 100), (2, 20, 5.0, 90), (3, 20, 4.0, 0)], half_life_days=None)
    assert likes_of(model) == pytest.approx([1, 2, 0])


def test_a_like_older_than_the_window_does_not_count() -> None:
    rows = [(1, 10, 5.0, 100), (2, 20, 5.0, 90), (3, 20, 4.0, 89), (1, 30, 1.0, 110)]
    model = fitted(rows, half_life_days=None, window_days=20)
    assert likes_of(model) == pytest.approx([1, 1, 0])


def test_a_window_and_a_half_life_go_together() -> None:
    model = fitted(
        [(1, 10, 5.0, 100), (2, 10, 5.0, 90), (3, 10, 4.0, 0)], half_life_days=10, window_days=50
    )
    assert likes_of(model)[0] == pytest.approx(1.5)


def test_the_ratings_come_with_what_counts_as_a_like() -> None:
    ratings = ratings_of([(1, 10, 3.0, 0), (2, 10, 5.0, 0)])
    model = Popularity().fit(Loaded(ratings, like_threshold=3.0), catalogue(ratings.movie_ids))
    assert likes_of(model)[0] == pytest.approx(2)
