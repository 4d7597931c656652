"""The training loop that networks share, and the report of its epochs."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor
from torch.optim import Optimizer

from recsys.models.base import Compute, Report
from recsys.models.neural.computing import repeatable

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
        step = self.step(batch)
        self.optimizer.zero_grad()
        step.loss.backward()
        self.optimizer.step()
        self.after_step()
        return step.figure.detach()

    def run(self, n_epochs: int, report: Report) -> None:
        """Learn for so many epochs, the same each time."""
        epochs = EpochReport("fit", report)
        with repeatable(self.compute):
            for _ in range(n_epochs):
                epochs.add(self.epoch())
