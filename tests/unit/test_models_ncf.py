"""Neural collaborative filtering: scores against plain loops, what a step foretells from what, and
the order of likes.
"""

from typing import Any

import numpy as np
import pytest
import torch

from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.ncf import GMF, MLP, NCF, GMFConfig, MLPConfig, NCFConfig
from recsys.models.ncf.histories import like_weights, unit_weights
from recsys.models.ncf.networks import network_of
from recsys.models.ncf.training import NCFTrainer, new_trainer, pretrained
from tests.contracts.worlds import World, checkerboard

COMPUTE = Compute(seed=1, threads=1, device="cpu")
QUICK: dict[str, Any] = {"users_a_batch": 8, "max_epochs": 3}


@pytest.fixture(scope="module")
def world() -> World:
    return checkerboard()


def trainer_of(world: World, **settings: Any) -> NCFTrainer:
    config = NCFConfig(size=8, layer_size=8, **QUICK | settings)
    return new_trainer(world.train, config, COMPUTE)


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


@pytest.mark.parametrize("half_life", [None, 3.0])
def test_scores_are_those_of_the_trained_network(world: World, half_life: float | None) -> None:
    """The answers' arithmetic is apart from the network's that learned."""
    trainer = trainer_of(world, history_half_life=half_life)
    trainer.run(2, lambda *_: None)
    model = NCF(trainer.config, COMPUTE)
    model.movie_ids_, model.like_threshold_ = world.ratings.movie_ids, 4.0
    model.liked_ = trainer.liked
    model.keep(trainer.average.mean)
    histories = world.ratings.histories_of(world.ratings.user_ids[:9])
    expected = trainer.scores(histories)
    scores = model.score_block(histories)
    np.testing.assert_allclose(scores[:, model.liked_], expected[:, model.liked_], atol=1e-5)
    assert (scores[:, ~model.liked_] == -np.inf).all()


def test_a_network_scores_as_the_paper_writes_it(world: World) -> None:
    torch.manual_seed(0)
    net = network_of(20, NCFConfig(size=3, layer_size=4))
    torch.nn.init.normal_(net.bias.weight)
    history = np.zeros(20, dtype=np.float32)
    history[[2, 5]] = 0.6, 0.8
    everything = torch.arange(20)
    with torch.no_grad():
        scores = net(torch.from_numpy(history[None]), everything, everything)[0].numpy()
    of = {name: value.numpy() for name, value in net.state_dict().items()}
    gmf, mlp = "branches.gmf.", "branches.mlp."
    user = history @ of[gmf + "liked.weight"]
    inner_user = history @ of[mlp + "liked.weight"]
    layer = np.hstack([of[mlp + "of_user.weight"], of[mlp + "of_movie.weight"]])
    for movie in range(20):
        product = user * of[gmf + "movies.weight"][movie]
        both = np.concatenate([inner_user, of[mlp + "movies.weight"][movie]])
        inner = relu(layer @ both + of[mlp + "of_user.bias"])
        inner = relu(of[mlp + "second.weight"] @ inner + of[mlp + "second.bias"])
        inner = relu(of[mlp + "third.weight"] @ inner + of[mlp + "third.bias"])
        output = np.concatenate([of[gmf + "output"], of[mlp + "output.weight"][0]])
        expected = output @ np.concatenate([product, inner]) + of["bias.weight"][movie, 0]
        assert scores[movie] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("half_life", [None, 3.0])
def test_no_like_is_foretold_from_itself(world: World, half_life: float | None) -> None:
    trainer = trainer_of(world, history_half_life=half_life)
    torch.manual_seed(0)
    for batch in trainer.batches():
        question = trainer.question(batch)
        assert ((question.inputs > 0) != (question.targets > 0)).all()
        assert (question.inputs > 0).any()
        assert (question.targets > 0).any()


def test_a_drawn_moment_splits_a_history_into_before_and_after(world: World) -> None:
    trainer = trainer_of(world, history_half_life=2.0, newest_weight=3.0)
    torch.manual_seed(0)
    batch = trainer.data.batch(torch.tensor([4, 9]), torch.empty(0, dtype=torch.int64))
    question = trainer.question(batch)
    places = trainer.data.by_user.ratings_of(batch.users)[1]
    for row in range(2):
        of_user = batch.rows == row
        newest_first = torch.argsort(trainer.n_later[places][of_user])
        inputs = question.inputs[of_user][newest_first].numpy()
        targets = question.targets[of_user][newest_first].numpy()
        n_after = np.count_nonzero(targets)
        assert 0 < n_after < len(targets)
        n_before = len(inputs) - n_after
        np.testing.assert_allclose(inputs[n_after:], 1 + 3 * 0.5 ** (np.arange(n_before) / 2))
        np.testing.assert_allclose(targets[:n_after][::-1], 0.5 ** (np.arange(n_after) / 2))


def test_the_newest_like_weighs_most_where_order_matters(world: World) -> None:
    likes = world.ratings.histories_of(world.ratings.user_ids[:1])
    in_order = GMFConfig(history_half_life=1.0, newest_weight=4.0)
    weights = like_weights(likes, in_order)[np.lexsort((likes.movies, likes.rated_at))]
    np.testing.assert_allclose(weights[::-1], 1 + 4 * 0.5 ** np.arange(len(weights)))
    assert (like_weights(likes, GMFConfig()) == 1).all()
    assert (unit_weights(likes, in_order) ** 2).sum() == pytest.approx(1)


def test_a_perceptron_scores_a_few_movies_in_a_step_and_factors_all(world: World) -> None:
    trainer = trainer_of(world, scored_movies=5)
    torch.manual_seed(0)
    drawn = [trainer.scored_columns(18) for _ in range(200)]
    assert all(len(columns.unique()) == 5 for columns in drawn)
    counts = torch.bincount(torch.cat(drawn), minlength=18)
    assert (counts > 25).all()
    factors = new_trainer(world.train, GMFConfig(**QUICK), COMPUTE)
    assert factors.scored_columns(18).tolist() == list(range(18))


@pytest.mark.parametrize("loss", ["cross entropy", "bpr"])
@pytest.mark.parametrize("kind", [GMF, MLP])
def test_other_losses_tell_the_colours_apart(world: World, loss: str, kind: Any) -> None:
    config = kind.Config(loss=loss, users_a_batch=8, max_epochs=25, patience=25)
    model = kind(config, COMPUTE).fit(world.train, world.catalogue)
    users = world.ratings.user_ids
    top = model.recommend(users, n=1, histories=world.ratings)
    assert (top.ids[:, 0] % 2 == users % 2).mean() > 0.95


def test_a_pretrained_network_begins_with_half_of_either_branch(world: World) -> None:
    config = NCFConfig(size=8, layer_size=8, pretraining_epochs=2, **QUICK)
    net = new_trainer(world.train, config, COMPUTE).net
    factors, perceptron = (
        pretrained(name, world.train, config, COMPUTE) for name in ("gmf", "mlp")
    )
    assert list(factors.branches) == ["gmf"]
    torch.testing.assert_close(net.gmf.liked.weight, factors.gmf.liked.weight)
    torch.testing.assert_close(net.gmf.output, factors.gmf.output / 2)
    torch.testing.assert_close(net.mlp.second.weight, perceptron.mlp.second.weight)
    torch.testing.assert_close(net.mlp.output.weight, perceptron.mlp.output.weight / 2)
    np.testing.assert_allclose(net.biases, (factors.biases + perceptron.biases) / 2)


def test_leaving_a_like_out_is_a_history_without_it(world: World) -> None:
    model = NCF(NCFConfig(size=8, layer_size=8, **QUICK), COMPUTE).fit(world.train, world.catalogue)
    user = world.ratings.user_ids[:1]
    histories = world.ratings.histories_of(user)
    movies = np.array([[1, 3]])
    explained = model.explain(histories, movies)
    whole = model.score_block(histories)[0, movies[0]]
    for like in range(len(histories.movies)):
        without = histories.where(np.arange(len(histories.movies)) != like)
        fall = whole - model.score_block(without)[0, movies[0]]
        np.testing.assert_allclose(explained.contributions[like], fall, atol=1e-5)


def test_each_epoch_is_reported(world: World) -> None:
    reported = set()
    model = MLP(MLPConfig(layer_size=8, users_a_batch=8, max_epochs=2), COMPUTE)
    model.fit(world.train, world.catalogue, report=lambda *metric: reported.add(metric[::2]))
    names = ("fit_ranking_loss", "validation_ranking_loss", "validation_ndcg_at_10")
    assert {(name, 1) for name in names} <= reported


def test_a_movie_that_nobody_liked_counts_in_no_history(world: World) -> None:
    model = GMF(GMFConfig(size=8, **QUICK), COMPUTE).fit(world.train, world.catalogue)
    unliked = world.ratings.movie_ids[-1:]
    alone = Interactions.of(
        np.array([7]), unliked, np.array([5.0]), np.array([0]), movie_ids=world.ratings.movie_ids
    )
    assert not model.knows(alone.histories_of(np.array([7]))).any()
