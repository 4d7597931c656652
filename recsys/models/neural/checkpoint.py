"""How far a fit came, kept on disk, so that one that was killed goes on after its last epoch."""

import copy
import logging
import pickle
import time
import zipfile
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from recsys.models.base import Compute

__all__ = ["Checkpoint", "Resumable", "Stateful"]

log = logging.getLogger(__name__)

#: A checkpoint is written no more often: a fit that is shorter writes none.
SECONDS_BETWEEN = 30.0

#: What reading a damaged file, or taking in the state of another network, raises.
UNFIT = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


@runtime_checkable
class Stateful(Protocol):
    """What torch can save the state of: a network, an optimiser, a schedule."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any, /) -> Any: ...


class Resumable(Protocol):
    """What learns by epochs, and can go on from a state."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Checkpoint:
    """The file of one phase of a fit: `<phase>.pt` in the folder that Compute names; without one,
    nothing is kept.

    It has the trainer's state, torch's random state, and some figures of the phase. Disk: up to 16
    bytes for each weight of the network (the weight, its average, and Adam's two moments), twice
    that while the next one is written beside it. Epochs of the last `SECONDS_BETWEEN` may be run
    again; they come to the same bytes. It is read without pickle's code.
    """

    def __init__(self, compute: Compute, phase: str) -> None:
        self.path = compute.checkpoints and compute.checkpoints / f"{phase}.pt"
        self.kept_at = time.monotonic()

    def resume(self, trainer: Resumable) -> dict[str, float]:
        """Put the trainer where it was, and return the figures that were kept with it: none where
        there is no checkpoint, or none that fits.
        """
        if self.path is None or not self.path.exists():
            return {}
        # a state is a view of the weights, and restoring changes them
        begin = copy.deepcopy({"trainer": trainer.state(), "random": random_state()})
        try:
            kept = read(self.path)
            take(trainer, kept)
            figures = dict(kept["figures"])
            epoch = int(figures["epoch"])
        except UNFIT as error:
            log.warning("%s does not fit, and the phase begins anew: %s", self.path, error)
            take(trainer, begin)
            return {}
        log.info("%s: goes on after epoch %d", self.path, epoch)
        return figures

    def keep(self, trainer: Resumable, **figures: float) -> None:
        """Write the state after an epoch, unless the last was written a moment ago. A full disk
        stops no fit.
        """
        if self.path is None or time.monotonic() - self.kept_at < SECONDS_BETWEEN:
            return
        state = {"trainer": trainer.state(), "random": random_state(), "figures": figures}
        try:
            write(state, self.path)
        except (OSError, RuntimeError) as error:
            log.warning("%s cannot be written: %s", self.path, error)
        self.kept_at = time.monotonic()


def write(state: dict[str, Any], path: Path) -> None:
    """Write a state beside, then in its place: a process killed meanwhile leaves the one before."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    torch.save(state, beside)
    beside.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Return the state that was written. Raises ValueError or BadZipFile where the file is
    damaged.
    """
    # torch takes in a damaged tensor as it is
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise ValueError(f"{damaged} is damaged")
    return torch.load(path, map_location="cpu", weights_only=True)


def take(trainer: Resumable, kept: dict[str, Any]) -> None:
    """Put a trainer and torch's random numbers where they were."""
    trainer.restore(kept["trainer"])
    torch.set_rng_state(kept["random"]["cpu"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all(kept["random"]["cuda"])


def random_state() -> dict[str, Any]:
    """Return where torch's random numbers are."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}
