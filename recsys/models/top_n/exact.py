"""Vectors whose products add up without rounding, so that the order of the sum cannot matter."""

import numpy as np

from recsys.errors import ModelError

#: Longest vectors of which `dot_scores` adds the products without rounding, and the bits of their
#: numbers that it takes: a product has 44 then, and the sum of 512 products 53, all that float64
#: holds.
EXACT_WIDTH = 512
FIXED_POINT_BITS = 22


def check_width(vectors: np.ndarray) -> None:
    """Raise ModelError where vectors (N, d) are longer than EXACT_WIDTH."""
    width = vectors.shape[1]
    if width > EXACT_WIDTH:
        raise ModelError(
            f"vectors of length {width}; expected at most {EXACT_WIDTH}, of which products add "
            "exactly"
        )


def fixed_point(vectors: np.ndarray) -> np.ndarray:
    """Round each row of (N, d) to a multiple of 2⁻²² of the power of two above its largest value.

    Returns float64.
    """
    largest = np.abs(vectors).max(axis=1, initial=0.0, keepdims=True)
    _, exponent = np.frexp(largest)
    step = np.ldexp(1.0, exponent - FIXED_POINT_BITS)
    return np.rint(vectors / step) * step
