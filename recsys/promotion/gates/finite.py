"""Gate (d): a fit that has not broken down."""

import numpy as np

from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer


def finite(refit: Refit) -> Answer:
    """How many of the numbers that the model learned, and of the scores that it gives, are infinite
    or no numbers at all.
    """
    floats = {name: array for name, array in refit.arrays.items() if array.dtype.kind == "f"}
    broken = {name: n_broken(array) for name, array in floats.items()}
    broken["scores"] = n_broken(refit.scores[refit.is_listed])
    total = sum(broken.values())
    return Answer(total == 0, float(total), 0.0, finite_sentence(broken))


def n_broken(array: np.ndarray) -> int:
    """Return how many numbers of an array are not finite."""
    return int((~np.isfinite(array)).sum())


def finite_sentence(broken: dict[str, int]) -> str:
    """Return where numbers are not finite, in words."""
    where = ", ".join(f"{n:,} in {name}" for name, n in broken.items() if n)
    if not where:
        return "All factors and scores are finite."
    return f"{where} are not finite; expected none."
