"""A fit of a network that is killed goes on after its last epoch, to the same bytes; and a step may
compute in mixed precision.
"""

import io
import logging
import warnings
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recsys.models import model_class
from recsys.models.base import Compute, Recommender
from recsys.models.neural import checkpoint, training
from recsys.models.neural.computing import precision_of
from recsys.models.neural.training import EpochReport, Trainer
from tests.contracts.worlds import checkerboard

QUICK: dict[str, Any] = {"users_a_batch": 16}
SEARCHED = QUICK | {"max_epochs": 3, "patience": 3}
GROWING = {"beta_per_like": None, "beta": 0.5, "growth_epochs": 3}
RECVAE = {"layers": 3, "prior": "composite", "alternating": True}
#: Name of a case: recipe and settings.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "hybrid": ("hybrid", SEARCHED | {"size": 8, "rating_size": 8, "rating_epochs": 3}),
    "gmf": ("gmf", SEARCHED | {"size": 8}),
    "mlp": ("mlp", SEARCHED | {"layer_size": 8}),
    "ncf": ("ncf", SEARCHED | {"size": 8, "layer_size": 8, "pretraining_epochs": 2}),
    "vae": ("vae", SEARCHED | GROWING | {"size": 6, "width": 10}),
    "recvae": ("vae", SEARCHED | RECVAE | {"size": 6, "width": 10}),
    "lightgcn": ("lightgcn", QUICK | {"factors": 8, "epochs": 3}),
    "ngcf": ("ngcf", QUICK | {"factors": 8, "epochs": 3}),
    "graph_attention": ("graph_attention", QUICK | {"factors": 8, "epochs": 3}),
}
BLEND = {
    "members": [{"name": "lightgcn", "settings": CASES["lightgcn"][1]}, {"name": "popularity"}]
}

Add = Callable[[EpochReport, dict[str, float]], None]
every_case = pytest.mark.parametrize("case", CASES)


class Killed(BaseException):
    """The end of a process, as far as a test without one can have it."""


class Epochs:
    """The epochs that were reported, of all attempts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.add: Add = EpochReport.add
        self.reported: list[tuple[str, int, dict[str, float]]] = []
        self.left = 0

        def add(report: EpochReport, metrics: dict[str, float]) -> None:
            self.report(report, metrics)

        monkeypatch.setattr(EpochReport, "add", add)

    def report(self, report: EpochReport, metrics: dict[str, float]) -> None:
        if not self.left:
            raise Killed
        self.left -= 1
        self.add(report, metrics)
        self.reported.append((report.phase, report.epoch, metrics))

    def attempts(self, fit: Callable[[], Recommender], at_most: int) -> tuple[Recommender, int]:
        """Return the model, and how many attempts it took: each ends after `at_most` epochs, in the
        next one.
        """
        self.reported.clear()
        for number in count(1):
            self.left = at_most
            try:
                return fit(), number
            except Killed:
                assert number < 50
        raise AssertionError


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> Epochs:
    monkeypatch.setattr("recsys.models.neural.checkpoint.SECONDS_BETWEEN", 0.0)
    return Epochs(monkeypatch)


def fit(case: str, folder: Path | None = None) -> Recommender:
    name, settings = CASES.get(case, ("blend", BLEND))
    kind = model_class(name)
    world = checkerboard()
    compute = Compute(seed=1, threads=1, device="cpu", checkpoints=folder)
    return kind(kind.Config(**settings), compute).fit(world.train, world.catalogue)


def assert_same(model: Recommender, expected: Recommender) -> None:
    state, other = model.state(), expected.state()
    assert state.keys() == other.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@every_case
def test_a_fit_that_is_killed_in_each_epoch_comes_to_the_same_bytes(
    case: str, tmp_path: Path, epochs: Epochs
) -> None:
    whole, _ = epochs.attempts(lambda: fit(case), at_most=1_000)
    expected = list(epochs.reported)
    model, n_attempts = epochs.attempts(lambda: fit(case, tmp_path), at_most=1)
    assert_same(model, whole)
    assert epochs.reported == expected
    assert n_attempts == len(expected)


def test_members_of_a_blend_take_nothing_from_one_another(tmp_path: Path, epochs: Epochs) -> None:
    whole, _ = epochs.attempts(lambda: fit("blend"), at_most=1_000)
    model, _ = epochs.attempts(lambda: fit("blend", tmp_path), at_most=1_000)
    assert_same(model, whole)


def kill(epochs: Epochs, folder: Path) -> None:
    epochs.left = 2
    with pytest.raises(Killed):
        fit("gmf", folder)


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def with_another_byte(content: bytes) -> bytes:
    """In a weight, which torch would take in as it is."""
    kept = torch.load(io.BytesIO(content), weights_only=True)
    weights = kept["trainer"]["net"]["branches.gmf.movies.weight"].numpy().tobytes()
    place = content.index(weights) + len(weights) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [cut_off, with_another_byte, lambda _: b"", lambda _: b"no zip"])
def test_a_damaged_checkpoint_begins_anew(
    damage: Callable[[bytes], bytes],
    tmp_path: Path,
    epochs: Epochs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole, _ = epochs.attempts(lambda: fit("gmf"), at_most=1_000)
    expected = list(epochs.reported)
    kill(epochs, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    model, _ = epochs.attempts(lambda: fit("gmf", tmp_path), at_most=1_000)
    assert_same(model, whole)
    assert epochs.reported == expected
    assert "does not fit, and the phase begins anew" in caplog.text


@pytest.mark.parametrize("part", ["net", "optimizer", "average"])
def test_the_state_of_another_network_leaves_no_trace(
    part: str, tmp_path: Path, epochs: Epochs
) -> None:
    """Parts that do fit are put back too."""
    whole, _ = epochs.attempts(lambda: fit("gmf"), at_most=1_000)
    expected = list(epochs.reported)
    kill(epochs, tmp_path)
    (file,) = tmp_path.iterdir()
    kept = checkpoint.read(file)
    kept["trainer"][part] = {}
    checkpoint.write(kept, file)
    model, _ = epochs.attempts(lambda: fit("gmf", tmp_path), at_most=1_000)
    assert_same(model, whole)
    assert epochs.reported == expected


def test_going_on_is_said(tmp_path: Path, epochs: Epochs, caplog: pytest.LogCaptureFixture) -> None:
    kill(epochs, tmp_path)
    caplog.set_level(logging.INFO)
    epochs.attempts(lambda: fit("gmf", tmp_path), at_most=1_000)
    assert "validation.pt: goes on after epoch 2" in caplog.text


def test_a_short_fit_writes_nothing(tmp_path: Path) -> None:
    fit("lightgcn", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_stops_no_fit(
    tmp_path: Path, epochs: Epochs, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    epochs.attempts(lambda: fit("lightgcn", tmp_path / "file" / "folder"), at_most=1_000)
    assert "fit.pt cannot be written" in caplog.text


def losses_of(case: str, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Losses of each trainer's first step, as they come in a fit."""
    losses: dict[int, float] = {}
    step = Trainer.learn

    def learn(self: Trainer[Any], batch: Any) -> torch.Tensor:
        figure = step(self, batch)
        losses.setdefault(id(self.optimizer), float(figure))
        trainers.append(self)  # so that no id comes again
        return figure

    trainers: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "learn", learn)
        fit(case)
    return list(losses.values())


@every_case
def test_a_step_in_mixed_precision_comes_near_to_float32(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, which would not do so of itself: bfloat16 has 8 bits, a step's loss two digits."""
    exact = losses_of(case, monkeypatch)
    mixed_on = torch.autocast("cpu", torch.bfloat16)
    monkeypatch.setattr(training, "precision_of", lambda _: mixed_on)
    mixed = losses_of(case, monkeypatch)
    assert mixed != exact
    np.testing.assert_allclose(mixed[:1], exact[:1], rtol=0.03)
    assert np.isfinite(mixed).all()


def test_precision_is_mixed_on_cuda_alone() -> None:
    with precision_of(torch.device("cpu")):
        assert not torch.is_autocast_enabled("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no CUDA here
        on_cuda = precision_of(torch.device("cuda"))
    assert (on_cuda.device, on_cuda.fast_dtype) == ("cuda", torch.bfloat16)
