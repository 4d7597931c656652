"""The arrays of a saved model: in one archive, or unpacked so that processes share their memory."""

from pathlib import Path

import numpy as np

__all__ = ["part_of", "saved_arrays", "unpack_arrays"]

ARCHIVE = "arrays.npz"
#: The folder that unpacked arrays are in, a file each.
UNPACKED = "arrays"
#: Bytes from which an array's file is mapped into memory: smaller ones are read.
MAPPED_FROM = 65_536


def saved_arrays(directory: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a saved model by name. Unpacked ones are mapped into memory: processes
    share the pages that none of them writes to.
    """
    unpacked = directory / UNPACKED
    if unpacked.is_dir():
        return {path.stem: mapped(path) for path in sorted(unpacked.glob("*.npy"))}
    # opened here: numpy leaves a damaged file open
    with (directory / ARCHIVE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def unpack_arrays(directory: Path) -> None:
    """Unpack the archive of a saved model, and remove it."""
    arrays = saved_arrays(directory)
    unpacked = directory / UNPACKED
    unpacked.mkdir()
    for name, array in arrays.items():
        np.save(unpacked / f"{name}.npy", array, allow_pickle=False)
    (directory / ARCHIVE).unlink()


def part_of(state: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the arrays whose names begin with `prefix`, by the rest of their names."""
    names = [name for name in state if name.startswith(prefix)]
    return {name.removeprefix(prefix): state[name] for name in names}


def mapped(path: Path) -> np.ndarray:
    """Return the array of a file. A page that a process writes to, which no recipe does, becomes
    its own: torch warns of arrays that cannot be written to.
    """
    mode = "c" if path.stat().st_size >= MAPPED_FROM else None
    return np.load(path, mmap_mode=mode, allow_pickle=False)
