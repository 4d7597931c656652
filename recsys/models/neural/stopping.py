"""How many epochs are enough: as many as rank a slice of a fit's own data best."""

import logging
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from recsys.features.train import Loaded
from recsys.models.base import Report
from recsys.models.neural.checkpoint import Checkpoint
from recsys.models.neural.computing import repeatable
from recsys.models.neural.training import EpochReport, Trainer
from recsys.models.neural.validation import Kind, Validation

__all__ = ["EpochSearch", "Epochs", "Ranker", "enough_epochs"]

log = logging.getLogger(__name__)

BatchType = TypeVar("BatchType")


class Ranker(Trainer[BatchType], Generic[BatchType]):
    """A trainer of a network that ranks, and can say how well."""

    @abstractmethod
    def ndcg(self, validation: Validation) -> float:
        """Return the NDCG@10 on a slice whose `train` this trainer learns from."""


@dataclass(frozen=True)
class Epochs:
    """At most `most` epochs, and `patience` of them without a better NDCG@10 on the slice of a
    kind.
    """

    most: int
    patience: int
    validation: Kind = "newest"


def enough_epochs(
    train: Loaded, epochs: Epochs, trainer_of: Callable[[Loaded], Ranker], report: Report
) -> int:
    """Return the epoch after which NDCG@10 on a slice of `train` was best; the last one where there
    is nothing to validate on.
    """
    validation = Validation.of(train.ratings, train.like_threshold, epochs.validation)
    if validation is None:
        return epochs.most
    search = EpochSearch(epochs, validation, EpochReport("validation", report))
    search.run(trainer_of(Loaded(validation.train, train.like_threshold)))
    best = search.best_epoch, search.best, validation
    log.info("best after %d epochs, NDCG@10 %.4f on %s", *best)
    return search.best_epoch


class EpochSearch:
    """The search for the epoch with the best NDCG@10 on a validation slice."""

    def __init__(self, epochs: Epochs, validation: Validation, report: EpochReport) -> None:
        self.epochs = epochs
        self.validation = validation
        self.report = report
        self.best = -1.0
        self.best_epoch = 0

    def run(self, trainer: Ranker) -> None:
        """Train until no epoch of the last few was better."""
        checkpoint = Checkpoint(trainer.compute, self.report.phase)
        with repeatable(trainer.compute):
            self.go_on(checkpoint.resume(trainer))
            while not self.is_over():
                metrics = trainer.epoch()
                ndcg = trainer.ndcg(self.validation)
                self.report.add(metrics | {"validation_ndcg_at_10": ndcg})
                self.compare(ndcg)
                best = {"best": self.best, "best_epoch": self.best_epoch}
                checkpoint.keep(trainer, epoch=self.report.epoch, **best)

    def go_on(self, kept: dict[str, float]) -> None:
        """Go on from the figures that were kept, if there are any."""
        if kept:
            self.report.epoch = int(kept["epoch"])
            self.best, self.best_epoch = kept["best"], int(kept["best_epoch"])

    def is_over(self) -> bool:
        """Return whether the last epoch, or the last of patience, is behind."""
        epoch = self.report.epoch
        return epoch >= self.epochs.most or epoch - self.best_epoch >= self.epochs.patience

    def compare(self, ndcg: float) -> None:
        """Remember the epoch where it was the best so far."""
        if ndcg > self.best:
            self.best = ndcg
            self.best_epoch = self.report.epoch
