"""The training loop that networks share, and the report of its epochs."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor
from torch.optim import Optimizer

from recsys.models.base import Compute, Report
from recsys.models.neural.checkpoint import Checkpoint, Stateful
from recsys.models.neural.computing import device_of, precision_of, repeatable

__all__ = ["EpochReport", "Step", "Trainer"]

log = logging.getLogger(__name__)

BatchType = TypeVar("BatchType")


class EpochReport:
    """Reports and logs the epochs of a phase; each is timed from the one before."""

    def __init__(self, phase: str, report: Report) -> None:
        self.phase = phase
        self.report = report
        self.epoch = 0
        self.started = time.perf_counter()

    def add(self, metrics: dict[str, float]) -> None:
        """Report the next epoch's metrics, under names that begin with the phase, and log them."""
        self.epoch += 1
        for name, value in metrics.items():
            is_named = name.startswith(self.phase)
            self.report(name if is_named else f"{self.phase}_{name}", value, self.epoch)
        self._log(", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))

    def _log(self, values: str) -> None:
        now = time.perf_counter()
        seconds = now - self.started
        log.info("%s epoch %d, %.1f s: %s", self.phase, self.epoch, seconds, values)
        self.started = now


@dataclass(frozen=True)
class Step:
    """What a step minimises, and the figure of it that its epoch reports."""

    loss: Tensor
    figure: Tensor


class Trainer(ABC, Generic[BatchType]):
    """A network that learns from batches by its optimiser."""

    optimizer: Optimizer
    compute: Compute

    @abstractmethod
    def batches(self) -> Iterable[BatchType]:
        """Return what one pass over all data takes, in a random order."""

    @abstractmethod
    def step(self, batch: BatchType) -> Step:
        """Compute a batch's loss."""

    def after_step(self) -> None:
        """Follow the weights, which have changed."""

    @abstractmethod
    def metrics(self, figures: Sequence[Tensor]) -> dict[str, float]:
        """Return an epoch's metrics, from the figures of its steps."""

    def epoch(self) -> dict[str, float]:
        """Learn from every batch once; return the metrics."""
        return self.metrics([self.learn(batch) for batch in self.batches()])

    def learn(self, batch: BatchType) -> Tensor:
        """Take one step; return its figure."""
        with precision_of(device_of(self.compute)):
            step = self.step(batch)
        self.optimizer.zero_grad()
        step.loss.backward()
        self.optimizer.step()
        self.after_step()
        return step.figure.detach()

    def run(self, n_epochs: int, report: Report, part: str = "fit") -> None:
        """Learn for so many epochs, the same each time. `part` names what is learned, another for
        each run of a fit.
        """
        epochs = EpochReport("fit", report)
        checkpoint = Checkpoint(self.compute, part)
        with repeatable(self.compute):
            epochs.epoch = int(checkpoint.resume(self).get("epoch", 0))
            while epochs.epoch < n_epochs:
                epochs.add(self.epoch())
                checkpoint.keep(self, epoch=epochs.epoch)

    def state(self) -> dict[str, Any]:
        """Return the state of all parts, as it is between two epochs."""
        return {name: part.state_dict() for name, part in self.parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises KeyError, RuntimeError or ValueError for another trainer's."""
        for name, part in self.parts().items():
            part.load_state_dict(state[name])

    def parts(self) -> dict[str, Stateful]:
        """Return by name all that changes in training: networks, optimisers, schedules."""
        return {name: part for name, part in vars(self).items() if isinstance(part, Stateful)}
