"""How much an old like still counts."""

import numpy as np

SECONDS_A_DAY = 86_400


def faded(age_seconds: np.ndarray, half_life_days: float | None) -> np.ndarray:
    """(R,) float64 weights of likes aged (R,) seconds: halved with every half-life of age; 1 where
    `half_life_days` is None.
    """
    if half_life_days is None:
        return np.ones(len(age_seconds))
    return np.exp2(-age_seconds / (half_life_days * SECONDS_A_DAY))
