"""MAE: how far predicted ratings are off, in stars, without RMSE's weight on the large misses."""

import numpy as np


def mae(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Return the mean absolute difference of (K,) and (K,) ratings; NaN without any."""
    if not len(actual):
        return float("nan")
    return float(np.mean(np.abs(predicted.astype(np.float64) - actual)))
