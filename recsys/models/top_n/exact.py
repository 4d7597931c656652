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
    step = np.ldexp(1.0, exponent_of(vectors, axis=1)[:, None] - FIXED_POINT_BITS)
    return np.rint(vectors / step) * step


def exponent_of(vectors: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Return the exponents of the powers of two above the largest values along an axis, or of
    all.
    """
    _, exponent = np.frexp(np.abs(vectors).max(axis=axis, initial=0.0))
    return exponent
