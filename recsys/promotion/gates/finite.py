"""Gate (d): a fit that has not broken down."""

import numpy as np

from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer


def finite(refit: Refit) -> Answer:
    """How many of the numbers that the model learned, and of the scores that it gives, are infinite
    or no numbers at all.
    """
    broken = {
        name: int((~np.isfinite(array)).sum())
        for name, array in refit.arrays.items()
        if array.dtype.kind == "f"
    }
    broken["scores"] = int((~np.isfinite(refit.scores[refit.ids >= 0])).sum())
    total = sum(broken.values())
    where = ", ".join(f"{n:,} in {name}" for name, n in broken.items() if n)
    sentence = (
        f"{where} are not finite; expected none."
        if total
        else ("All factors and scores are finite.")
    )
    return Answer(total == 0, float(total), 0.0, sentence)
