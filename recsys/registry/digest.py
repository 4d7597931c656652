"""The digest of a fit: equal digests, equal models."""

import hashlib
import json
from pathlib import Path

import numpy as np


def digest_of_directory(directory: Path) -> str:
    """Return the hex digest of the model that `Recommender.save` wrote there: its config, and each
    array's name, type, shape and bytes.

    It is the same wherever and whenever equal models are saved; an archive's own bytes hold times.
    """
    config = json.loads((directory / "config.json").read_text())
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    # opened here: numpy leaves a damaged file open
    path = directory / "arrays.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        for name in sorted(arrays.files):
            _add(digest, name, arrays[name])
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", name: str, array: np.ndarray) -> None:
    digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
    if array.size:
        digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
