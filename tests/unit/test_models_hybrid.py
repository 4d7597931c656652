"""The hybrid: its loss against the sum it stands for, content that carries a new movie, stars, and when training stops."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recsys.errors import ModelError
from recsys.features.catalogue import Links
from recsys.features.content import Content, encode_content
from recsys.models.base import Compute
from recsys.models.hybrid import Hybrid
from recsys.models.hybrid_net import MovieTower
from recsys.models.hybrid_training import HybridConfig, Ratings, Trainer, device_of, sampled_softmax
from recsys.models.hybrid_validation import Validation
from tests.contracts.worlds import World, catalogue_of, checkerboard

COMPUTE = Compute(seed=1, threads=1, device="cpu")


@pytest.fixture(scope="module")
def world() -> World:
    """The checkerboard, with one star for a few movies of the other colour."""
    world = checkerboard()
    users, movies = world.train.users, world.train.movies
    world.train.ratings[(movies % 2 == 0) & (users % 3 == 0)] = 4.0
    return world


@pytest.fixture(scope="module")
def model(world: World) -> Hybrid:
    return Hybrid(HybridConfig(users_a_batch=8, max_epochs=25, patience=25), COMPUTE).fit(world.train, world.catalogue)


def test_a_new_movie_is_ranked_by_its_content(model: Hybrid, world: World) -> None:
    new_comedy, new_drama = model.score_block(world.train.user_ids)[:, -2:].T
    loves_comedy = world.train.user_ids % 2 == 0
    assert ((new_comedy > new_drama) == loves_comedy).mean() > 0.95


def test_a_user_who_liked_nothing_is_not_known_but_still_rated_for(world: World) -> None:
    train = checkerboard().train
    train.ratings[train.users == 0] = 2.0
    model = Hybrid(HybridConfig(users_a_batch=8, max_epochs=2), COMPUTE).fit(train, world.catalogue)
    assert model.knows(train.user_ids[:2]).tolist() == [False, True]
    assert (model.score_block(train.user_ids[:1]) == -np.inf).all()
    assert np.isfinite(model.predict(train.user_ids[:1], world.catalogue.movie_ids[:1])).all()


def test_stars_stay_in_the_range_seen_strangers_included(model: Hybrid) -> None:
    stars = model.predict(np.array([1000, 1001, 77, 77]), np.array([100, 5, 100, 5]))
    assert stars.dtype == np.float32
    assert ((stars >= 4.0) & (stars <= 5.0)).all()


def test_stars_tell_tastes_apart(world: World) -> None:
    train = checkerboard().train
    train = replace(train, ratings=np.where(train.users % 4 < 2, 5.0, 1.0).astype(np.float32))
    model = Hybrid(HybridConfig(users_a_batch=8, max_epochs=25, patience=25), COMPUTE).fit(train, world.catalogue)
    stars = model.predict(train.user_ids[train.users], train.movie_ids[train.movies])
    assert np.sqrt(np.mean((stars - train.ratings) ** 2)) < 0.5  # the mean alone is off by 2


def test_a_loaded_model_predicts_as_before(model: Hybrid, world: World, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = Hybrid.load(tmp_path, COMPUTE)
    users, movies = np.meshgrid(np.array([*world.train.user_ids[:4], 77]), world.catalogue.movie_ids)
    before = model.predict(users.ravel(), movies.ravel())
    np.testing.assert_array_equal(before, loaded.predict(users.ravel(), movies.ravel()))


def test_each_epoch_is_reported(world: World) -> None:
    seen: list[tuple[str, int]] = []
    model = Hybrid(HybridConfig(users_a_batch=32, max_epochs=2), COMPUTE)
    model.fit(world.train, world.catalogue, report=lambda name, _value, step: seen.append((name, step)))
    assert {("validation_ndcg_at_10", 1), ("validation_ndcg_at_10", 2), ("fit_ranking_loss", 1), ("fit_rating_loss", 1)} <= set(
        seen
    )


def test_the_softmax_of_a_sample_stands_for_the_whole_catalogue() -> None:
    torch.manual_seed(0)
    scores = torch.randn(1, 2_000)
    likes = torch.zeros(1, 2_000)
    likes[0, 0] = 1
    chance = torch.linspace(0.2, 0.9, 2_000)
    chance[0] = 1
    exact = sampled_softmax(scores, likes, torch.zeros(2_000))
    samples = []
    for _ in range(300):
        kept = torch.rand(2_000) < chance
        samples.append(sampled_softmax(scores[:, kept], likes[:, kept], chance[kept].log()))
    assert torch.stack(samples).mean() == pytest.approx(float(exact), abs=0.01)


def test_the_chance_of_a_movie_is_how_often_it_is_in_a_batch(world: World) -> None:
    torch.manual_seed(0)
    data = Ratings(world.train, HybridConfig(users_a_batch=2, sampled_movies=4), torch.device("cpu"))
    counts, n_batches = torch.zeros(data.n_movies), 0
    for _ in range(40):
        for batch in data.epoch():
            counts[batch.movies] += 1
            n_batches += 1
    torch.testing.assert_close(counts / n_batches, data.log_chance.exp(), atol=0.05, rtol=0)


def test_a_batch_holds_all_ratings_of_its_users(world: World) -> None:
    data = Ratings(world.train, HybridConfig(), torch.device("cpu"))
    users = torch.tensor([5, 2])
    batch = data.batch(users, torch.empty(0, dtype=torch.int64))
    dense = np.zeros((2, data.n_movies), dtype=np.float32)
    dense[:, batch.movies.numpy()] = batch.dense(batch.ratings).numpy()
    np.testing.assert_array_equal(dense, world.train.csr().toarray()[[5, 2]])


def test_a_rating_does_not_see_the_likes(world: World) -> None:
    """Likes are made of ratings: a head that saw them would read the answer."""
    content = encode_content(world.catalogue, np.zeros((len(world.catalogue), 1)))
    trainer = Trainer(world.train, content, HybridConfig(), COMPUTE)
    losses = trainer.losses(trainer.data.batch(torch.arange(4), torch.arange(20)))
    losses[1].backward()
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in trainer.net.user_tower.parameters())


def test_a_movie_without_a_rating_has_nothing_but_content() -> None:
    nobody = np.zeros((3, 1), dtype=np.int64)
    content = Content(np.ones((3, 2), dtype=np.float32), nobody, nobody, 0, 0)
    tower = MovieTower(content, torch.tensor([True, False, False]), size=4, id_dropout=0.0).eval()
    rated, new, as_new = tower(torch.arange(3)).vectors
    assert torch.equal(new, as_new)
    assert not torch.equal(rated, new)


def test_people_of_one_movie_are_nobody() -> None:
    catalogue = catalogue_of(np.arange(3))
    cast = Links(np.array([0, 2, 3, 3]), np.array([0, 1, 1], dtype=np.int32), np.array([7, 8]))
    content = encode_content(replace(catalogue, actors=cast), np.zeros((3, 1)))
    assert content.n_actors == 1
    assert content.actors[:, :3].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_validation_is_dated_where_enough_users_are_in_the_newest_tenth(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    own = Validation.of(world.train, 4.0)
    assert own is not None
    assert own.kind == "each user's own newest"
    monkeypatch.setattr("recsys.models.hybrid_validation.MIN_USERS", 5)
    dated = Validation.of(world.train, 4.0)
    assert dated is not None
    assert dated.kind == "newest by time"
    held_out = world.train.rated_at >= np.quantile(world.train.rated_at, 0.9)
    assert len(dated.known) == (~held_out).sum()
    assert dated.known.newest < world.train.rated_at[held_out].min()


def test_validation_of_the_right_answer_is_one(world: World) -> None:
    validation = Validation.of(world.train, 4.0)
    assert validation is not None
    truth = np.zeros(validation.known.shape, dtype=np.float32)
    truth[validation.positions] = validation.relevant.toarray()
    assert validation.ndcg(truth, np.eye(truth.shape[1], dtype=np.float32)) == pytest.approx(1)
    assert validation.ndcg(-truth, np.eye(truth.shape[1], dtype=np.float32)) < 0.7


def test_cuda_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="device is 'cuda', but torch found no CUDA device"):
        device_of(Compute(device="cuda"))
    assert device_of(Compute(device="auto")).type == "cpu"
