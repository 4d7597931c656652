"""RMSE: how far predicted ratings are off, in stars."""

import numpy as np


def rmse(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Root of the mean squared difference of (K,) and (K,) ratings; NaN without any."""
    if not len(actual):
        return float("nan")
    return float(np.sqrt(np.mean(np.square(predicted.astype(np.float64) - actual))))
