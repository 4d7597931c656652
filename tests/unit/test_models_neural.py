"""What recipes on torch share: losses against the sums they stand for, batches, and when training
stops.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from recsys.errors import ModelError
from recsys.features.train import Loaded
from recsys.models.base import Compute
from recsys.models.neural import (
    BatchSizes,
    Epochs,
    Ranker,
    Ratings,
    Step,
    Validation,
    WeightAverage,
    binary_cross_entropy,
    bpr,
    device_of,
    enough_epochs,
    sampled_softmax,
)
from tests.contracts.worlds import World, checkerboard


@pytest.fixture(scope="module")
def world() -> World:
    return checkerboard()


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


def test_a_movie_that_is_rarely_sampled_stands_for_more() -> None:
    """Odds 2, 3 and 1, each by its chance 1, 1/2 and 1/4: 2 + 6 + 4; then 4 + 2 + 4."""
    scores = torch.tensor([[2.0, 3.0, 1.0], [4.0, 1.0, 1.0]]).log()
    likes = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    log_chance = torch.tensor([1.0, 0.5, 0.25]).log()
    expected = (math.log(12 / 2) + math.log(12 / 6) + math.log(10 / 4)) / 3
    assert float(sampled_softmax(scores, likes, log_chance)) == pytest.approx(expected)


@pytest.mark.parametrize("n_drawn", [4, 10, 4096])
def test_the_chance_of_a_rated_movie_is_how_often_it_is_in_a_batch(
    n_drawn: int, world: World
) -> None:
    torch.manual_seed(0)
    train = world.ratings.where(world.ratings.movies < 10)  # the other ten are nobody's dislikes
    data = Ratings(train, BatchSizes(users=2, sampled_movies=n_drawn), torch.device("cpu"))
    counts, n_batches = torch.zeros(data.n_movies), 0
    for _ in range(40):
        for batch in data.shuffled():
            counts[batch.movies] += 1
            n_batches += 1
    assert data.n_movies == 20
    torch.testing.assert_close(
        counts[:10] / n_batches, data.log_chance[:10].exp(), atol=0.03, rtol=0
    )


@pytest.mark.parametrize("n_drawn", [4, 4096])
def test_a_movie_that_nobody_rated_is_in_no_batch(n_drawn: int, world: World) -> None:
    data = Ratings(world.ratings, BatchSizes(users=2, sampled_movies=n_drawn), torch.device("cpu"))
    seen = torch.cat([batch.movies for _ in range(5) for batch in data.shuffled()]).unique()
    np.testing.assert_array_equal(seen, np.unique(world.ratings.movies))


def test_a_batch_holds_all_ratings_of_its_users(world: World) -> None:
    data = Ratings(world.ratings, BatchSizes(64, 4096), torch.device("cpu"))
    users = torch.tensor([5, 2])
    batch = data.batch(users, torch.empty(0, dtype=torch.int64))
    dense = np.zeros((2, data.n_movies), dtype=np.float32)
    dense[:, batch.movies.numpy()] = batch.dense(batch.ratings).numpy()
    np.testing.assert_array_equal(dense, world.ratings.csr().toarray()[[5, 2]])


def test_validation_is_dated_where_enough_users_are_in_the_newest_tenth(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    own = Validation.of(world.ratings, 4.0)
    assert own is not None
    assert own.kind == "leave-newest-out"
    monkeypatch.setattr("recsys.models.neural.validation.MIN_USERS", 5)
    dated = Validation.of(world.ratings, 4.0)
    assert dated is not None
    assert dated.kind == "newest by time"
    held_out = world.ratings.rated_at >= np.quantile(world.ratings.rated_at, 0.9)
    assert len(dated.train) == (~held_out).sum()
    assert dated.train.newest < world.ratings.rated_at[held_out].min()


def test_validation_is_random_where_ratings_have_no_times(world: World) -> None:
    """The newest by movie id would be the same movies of all users."""
    validation = Validation.of(replace(world.ratings, rated_at=world.ratings.rated_at * 0), 4.0)
    assert validation is not None
    assert validation.kind == "random"
    assert len(validation.train) == round(0.9 * len(world.ratings))
    n_held_out = np.asarray(validation.relevant.sum(axis=0))[0]
    assert (n_held_out[:18] > 0).mean() > 0.7


def test_validation_may_leave_each_users_newest_rating_out(world: World) -> None:
    validation = Validation.of(world.ratings, 4.0, "leave one out")
    assert validation is not None
    n_users = len(world.ratings.user_ids)
    assert len(validation.train) == len(world.ratings) - n_users
    assert (np.diff(validation.relevant.indptr) == 1).all()


def test_validation_of_the_right_answer_is_one(world: World) -> None:
    validation = Validation.of(world.ratings, 4.0)
    assert validation is not None
    truth = np.zeros(validation.train.shape, dtype=np.float32)
    truth[validation.positions] = validation.relevant.toarray()
    assert validation.ndcg(truth, np.eye(truth.shape[1], dtype=np.float32)) == pytest.approx(1)
    assert validation.ndcg(-truth, np.eye(truth.shape[1], dtype=np.float32)) < 0.7


def test_cuda_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="device is 'cuda', but torch found no CUDA device"):
        device_of(Compute(device="cuda"))
    assert device_of(Compute(device="auto")).type == "cpu"


def test_bpr_is_the_mean_over_all_pairs() -> None:
    positives, negatives = torch.randn(5, 1), torch.randn(5, 3)
    pairs = [
        -np.log(1 / (1 + np.exp(-(float(positives[row, 0]) - float(negatives[row, column])))))
        for row in range(5)
        for column in range(3)
    ]
    assert float(bpr(positives, negatives)) == pytest.approx(np.mean(pairs), rel=1e-5)


def test_cross_entropy_is_the_mean_over_likes_and_sampled_movies() -> None:
    positives, negatives = torch.randn(5), torch.randn(5, 3)
    of_likes = [-np.log(1 / (1 + np.exp(-float(score)))) for score in positives]
    of_others = [-np.log(1 - 1 / (1 + np.exp(-float(score)))) for score in negatives.flatten()]
    expected = np.mean(of_likes + of_others)
    assert float(binary_cross_entropy(positives, negatives)) == pytest.approx(expected, rel=1e-5)


def test_an_average_starts_with_the_first_steps_and_then_keeps_its_share() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 0.0)
    average = WeightAverage(net, kept=0.2)
    expected = 0.0
    for step in range(1, 6):
        nn.init.constant_(net.weight, float(step))
        average.follow()
        kept = min(0.2, step / (step + 9))
        expected = kept * expected + (1 - kept) * step
        assert average.mean.weight.item() == pytest.approx(expected)


class Scripted(Ranker[None]):
    """A trainer whose NDCG@10 after each epoch is given."""

    def __init__(self, scores: list[float]) -> None:
        self.compute = Compute(threads=1)
        self.scores = scores
        self.n_epochs = 0

    def batches(self) -> list[None]:
        return []

    def step(self, batch: None) -> Step:
        raise NotImplementedError

    def metrics(self, figures: Sequence[torch.Tensor]) -> dict[str, float]:
        self.n_epochs += 1
        return {"loss": 1.0}

    def ndcg(self, validation: Validation) -> float:
        return self.scores[self.n_epochs - 1]


@pytest.mark.parametrize(
    ("scores", "best", "n_run"),
    [
        ([0.1, 0.3, 0.2, 0.2, 0.9], 2, 4),  # patience ends before the fifth
        ([0.1, 0.2, 0.1, 0.3, 0.4, 0.5], 5, 5),  # the last epoch is the fifth
    ],
)
def test_the_best_epoch_within_patience_is_enough(
    world: World, scores: list[float], best: int, n_run: int
) -> None:
    trainer = Scripted(scores)
    reported = []
    train = Loaded(world.ratings, 4.0)
    n_epochs = enough_epochs(
        train,
        Epochs(most=5, patience=2),
        lambda _: trainer,
        lambda *metric: reported.append(metric),
    )
    assert (n_epochs, trainer.n_epochs) == (best, n_run)
    ndcg = [value for name, value, _ in reported if name == "validation_ndcg_at_10"]
    assert ndcg == scores[:n_run]


def test_without_a_slice_to_validate_on_all_epochs_are_run(world: World) -> None:
    one_each = world.ratings.where(np.r_[True, np.diff(world.ratings.users) > 0])
    train = Loaded(one_each, 4.0)
    assert enough_epochs(train, Epochs(7, 2), lambda _: Scripted([]), lambda *_: None) == 7
