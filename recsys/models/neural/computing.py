"""Where torch computes, and how it comes to the same bytes each time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from recsys.errors import ModelError
from recsys.models.base import Compute

__all__ = ["device_of", "precision_of", "repeatable", "tensor"]


def device_of(compute: Compute) -> torch.device:
    """Return where to compute. Raises ModelError where CUDA is set and there is none."""
    available = torch.cuda.is_available()
    if compute.device == "cuda" and not available:
        raise ModelError(
            "device is 'cuda', but torch found no CUDA device; expected one, or "
            "device 'auto' or 'cpu'"
        )
    return torch.device("cuda" if available and compute.device != "cpu" else "cpu")


def precision_of(device: torch.device) -> torch.autocast:
    """Return within which a step computes its loss: in mixed precision (bfloat16 products, float32
    weights) on CUDA, in float32 elsewhere.
    """
    is_mixed = device.type == "cuda"
    return torch.autocast(device.type, torch.bfloat16, enabled=is_mixed)


def tensor(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return the array on a device."""
    return torch.from_numpy(array).to(device)


@contextmanager
def repeatable(compute: Compute) -> Iterator[None]:
    """Fix threads and seed, and take deterministic algorithms: the same fit gives the same bytes.
    What was set before comes back.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only so
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(compute.threads)
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory that it has not written
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    try:
        with torch.random.fork_rng():
            torch.manual_seed(compute.seed)
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
